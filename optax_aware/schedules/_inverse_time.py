"""Decay with the inverse of time."""

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_flag, check_number
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    ratio,
    read_number,
    read_steps,
    schedule_of,
)


def inverse_time(
    init_value: Number,
    decay_rate: Number,
    decay_steps: Number = 1,
    staircase: bool = False,
    end_value: Number = 0.0,
) -> Schedule:
    r"""Divide the rate by a number that grows linearly with time.

    The classic step size of stochastic approximation: its sum diverges and the sum of its
    squares does not, so plain SGD converges. Prefer it for convex problems; deep networks
    usually want a slower decay, see `inverse_power` and `cosine`.

    .. math:: \eta_t = \max\left(\eta_\mathrm{end}, \frac{\eta_0}{1 + k\,t/s}\right)

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      decay_rate: how much is added to the divisor in ``decay_steps`` steps, k, at least 0;
        1 halves the rate after ``decay_steps`` steps.
      decay_steps: steps per unit of time, s, at least 0; 1 counts steps, the number of
        steps in an epoch counts epochs. 0 leaves no time to decay: ``end_value`` at once.
      staircase: change the rate only once in ``decay_steps`` steps, by rounding t/s down.
      end_value: the floor below which the rate does not fall, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite, or ``staircase`` is not a bool.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.inverse_time(0.1, decay_rate=0.5, decay_steps=10)
      >>> [round(float(schedule(step)), 4) for step in (0, 10, 20, 60)]
      [0.1, 0.0667, 0.05, 0.025]

    References:
      H. Robbins and S. Monro, "A stochastic approximation method", 1951,
      doi:10.1214/aoms/1177729586 (step sizes of order 1/t).
      L. Bottou, F. E. Curtis and J. Nocedal, "Optimization methods for large-scale machine
      learning", 2018, arXiv:1606.04838 (theorem 4.7).
    """
    check_number("init_value", init_value, 0.0)
    check_number("decay_rate", decay_rate, 0.0)
    check_number("decay_steps", decay_steps, 0.0)
    check_flag("staircase", staircase)
    check_number("end_value", end_value, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        duration = read_steps(decay_steps)
        divisor = 1 + read_number(decay_rate, 0.0) * ratio(time, duration, staircase)
        rate, floor = read_number(init_value, 0.0) / divisor, read_number(end_value, 0.0)
        return jnp.where((duration > 0) & (rate > floor), rate, floor)

    return schedule_of(rate)
