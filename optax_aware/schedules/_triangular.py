"""The triangular cyclic schedule."""

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_choice, check_number
from optax_aware.schedules._growth import growth
from optax_aware.schedules._shapes import mean
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    divide,
    progress,
    read_number,
    read_steps,
    schedule_of,
    to_float,
)

_MODES = ("triangular", "triangular2", "exp_range")


def triangular(
    min_value: Number,
    max_value: Number,
    half_period: Number,
    mode: str = "triangular",
    decay_rate: Number = 1.0,
) -> Schedule:
    r"""Go up and down between two rates in straight lines, for ever.

    Asks for a range of rates in place of a single one, as a learning-rate range test gives
    it. Prefer it where the run has no known end and the best rate is known only roughly.

    .. math::
       \eta_t = \eta_\min + (\eta_\max - \eta_\min)\,a_t\,
                \left(1 - \left|\frac{t}{h} - 2c - 1\right|\right),
       \quad c = \left\lfloor \frac{t}{2h} \right\rfloor

    where the amplitude aₜ is 1 in the mode ``"triangular"``, 2⁻ᶜ in ``"triangular2"`` and
    gᵗ in ``"exp_range"``.

    Args:
      min_value: the rate at the foot of each triangle, at least 0.
      max_value: the rate at the first top, at least 0.
      half_period: steps from a foot to a top, h, above 0; the author suggests 2 to 10
        epochs. A traced one that is 0 gives ``min_value``.
      mode: what the amplitude does: ``"triangular"`` keeps it, ``"triangular2"`` halves it
        after each cycle, ``"exp_range"`` shrinks it at every step.
      decay_rate: the factor of the amplitude per step, g, from 0 to 1, in the mode
        ``"exp_range"``; the other modes do not use it.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is not finite or outside of its range, or ``mode`` is unknown.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.triangular(0.1, 0.5, half_period=10, mode="triangular2")
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
      [0.1, 0.3, 0.5, 0.1, 0.3]

    References:
      L. N. Smith, "Cyclical learning rates for training neural networks", 2017,
      arXiv:1506.01186 (sections 3.1 and 3.2).
    """
    check_number("min_value", min_value, 0.0)
    check_number("max_value", max_value, 0.0)
    check_number("half_period", half_period, 0.0, open_low=True)
    check_choice("mode", mode, _MODES)
    check_number("decay_rate", decay_rate, 0.0, 1.0)

    def rate(time: jax.Array) -> jax.Array:
        half = read_steps(half_period)
        slopes, since = divide(time, half)
        done, left = progress(since, half)
        height = jnp.where(slopes % 2 == 0, done, left)
        if mode == "triangular2":
            height = height * jnp.exp2(-to_float(slopes // 2))
        elif mode == "exp_range":
            height = height * growth(decay_rate, to_float(time), high=1.0)
        height = jnp.where(half > 0, height, np.float32(0))
        foot, top = read_number(min_value, 0.0), read_number(max_value, 0.0)
        return mean(foot, top, 1 - height, height)

    return schedule_of(rate)
