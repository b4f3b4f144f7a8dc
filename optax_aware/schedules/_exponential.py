"""Exponential decay."""

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_flag, check_number
from optax_aware.schedules._growth import growth
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    divide,
    read_number,
    read_steps,
    schedule_of,
    to_float,
)


def exponential(
    init_value: Number,
    decay_rate: Number,
    decay_steps: Number = 1,
    staircase: bool = False,
    end_value: Number = 0.0,
) -> Schedule:
    r"""Multiply the rate by the same factor in every period, down to a floor.

    Prefer it where the right scale of the rate is not known but the speed at which it
    should fall is; ×0.1 every s steps and 0.99 to the power of the epoch are both this.
    It decays fast, so a rate without a floor soon learns nothing. A ``decay_rate`` above 1
    raises the rate, as a learning-rate range test does; it stops growing at e⁶⁰ η₀.

    .. math:: \eta_t = \max\left(\eta_\mathrm{end}, \eta_0\,r^{t/s}\right)

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      decay_rate: the factor of one period, r, at least 0.
      decay_steps: steps in a period, s, at least 0. 0 leaves no time to decay:
        ``end_value`` at once.
      staircase: change the rate only once in a period, by rounding t/s down.
      end_value: the floor below which the rate does not fall, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite, or ``staircase`` is not a bool.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.exponential(0.5, 0.1, decay_steps=100, end_value=0.001)
      >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 1000)]
      [0.5, 0.1581, 0.05, 0.001]

    References:
      Y. Bengio, "Practical recommendations for gradient-based training of deep
      architectures", 2012, arXiv:1206.5533 (section 3.1.1).
      L. N. Smith, "Cyclical learning rates for training neural networks", 2017,
      arXiv:1506.01186 (section 3.3, the range test).
    """
    check_number("init_value", init_value, 0.0)
    check_number("decay_rate", decay_rate, 0.0)
    check_number("decay_steps", decay_steps, 0.0)
    check_flag("staircase", staircase)
    check_number("end_value", end_value, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        duration = read_steps(decay_steps)
        periods, rest = divide(time, duration)
        part = None
        if not staircase:
            part = to_float(rest) / jnp.where(duration > 0, to_float(duration), np.float32(1))
        decay = growth(decay_rate, to_float(periods), part)
        rate, floor = read_number(init_value, 0.0) * decay, read_number(end_value, 0.0)
        return jnp.where((duration > 0) & (rate > floor), rate, floor)

    return schedule_of(rate)
