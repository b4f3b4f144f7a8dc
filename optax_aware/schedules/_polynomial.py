"""Polynomial decay, and its straight line."""

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_number
from optax_aware.schedules._shapes import mean, weights
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    progress,
    read_number,
    schedule_of,
)


def _power_weights(
    done: jax.Array, left: jax.Array, power: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return left**power and 1 - left**power, each without cancellation."""
    one = np.float32(1)
    moving = left > 0
    safe_left = jnp.where(moving, left, one)
    early = done < 0.5
    logarithm = jnp.where(early, jnp.log1p(-jnp.where(early, done, 0)), jnp.log(safe_left))
    start_weight = jnp.where(moving, jnp.power(safe_left, power), np.float32(0))
    end_weight = jnp.where(moving, -jnp.expm1(power * logarithm), one)
    return start_weight, end_weight


def polynomial(
    init_value: Number, end_value: Number, decay_steps: Number, power: Number = 1.0
) -> Schedule:
    r"""Go from one rate to another along a power of the time that is left.

    A power above 1 falls early and spends long near the end value, a power below 1 falls
    late. Prefer it where the shape of the decay is to be tuned by one number.

    .. math:: \eta_t = (\eta_0 - \eta_T)\,(1 - t/T)^p + \eta_T

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      end_value: the rate from step ``decay_steps`` on, η_T, at least 0; it may be above
        ``init_value``.
      decay_steps: steps until the end value, T, at least 0; 0 gives ``end_value`` at once.
      power: the exponent, p, at least 0; 1 is a straight line.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.polynomial(0.5, 0.01, decay_steps=100, power=2.0)
      >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 200)]
      [0.5, 0.1325, 0.01, 0.01]

    References:
      L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy and A. L. Yuille, "DeepLab", 2017,
      arXiv:1606.00915 (the "poly" policy with power 0.9).
    """
    check_number("init_value", init_value, 0.0)
    check_number("end_value", end_value, 0.0)
    check_number("decay_steps", decay_steps, 0.0)
    check_number("power", power, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        done, left = progress(time, decay_steps)
        start_weight, end_weight = _power_weights(done, left, read_number(power, 0.0))
        init, end = read_number(init_value, 0.0), read_number(end_value, 0.0)
        return mean(init, end, start_weight, end_weight)

    return schedule_of(rate)


def linear(init_value: Number, end_value: Number, decay_steps: Number) -> Schedule:
    r"""Go from one rate to another in a straight line.

    With an end value of 0 the decay that theory finds best for the last iterate and that
    tuned runs rarely lose against. Prefer it as the first schedule to try where the number
    of steps is known.

    .. math:: \eta_t = (\eta_0 - \eta_T)\,(1 - t/T) + \eta_T

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      end_value: the rate from step ``decay_steps`` on, η_T, at least 0; it may be above
        ``init_value``.
      decay_steps: steps until the end value, T, at least 0; 0 gives ``end_value`` at once.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.linear(0.4, 0.0, decay_steps=100)
      >>> [round(float(schedule(step)), 4) for step in (0, 25, 100, 200)]
      [0.4, 0.3, 0.0, 0.0]

    References:
      A. Defazio, A. Cutkosky, H. Mehta and K. Mishchenko, "Optimal linear decay learning
      rate schedules and further refinements", 2023, arXiv:2310.07831.
    """
    check_number("init_value", init_value, 0.0)
    check_number("end_value", end_value, 0.0)
    check_number("decay_steps", decay_steps, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        start_weight, end_weight = weights("linear", *progress(time, decay_steps))
        init, end = read_number(init_value, 0.0), read_number(end_value, 0.0)
        return mean(init, end, start_weight, end_weight)

    return schedule_of(rate)
