"""Decay with an inverse power of time."""

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_number
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    ratio,
    read_number,
    read_steps,
    schedule_of,
)


def inverse_power(
    init_value: Number,
    power: Number = 0.5,
    timescale: Number = 1.0,
    end_value: Number = 0.0,
) -> Schedule:
    r"""Divide the rate by a power of time.

    With a power of ½ this is the square-root decay: it needs no horizon, never stops
    learning, and is the rate for which the regret of online gradient descent is of the
    best order. With a power of 1 it is `inverse_time`. It is also known as inverse scaling
    and as power scheduling; k/√epoch and k/√step are this with the time scale of an epoch
    and of a step.

    .. math::
       \eta_t = \max\left(\eta_\mathrm{end}, \eta_0\,(1 + t/s)^{-p}\right)

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      power: the exponent, p, at least 0; ½ is the square-root decay.
      timescale: steps per unit of time, s, at least 0: the rate stays near η₀ for about as
        long. 0 leaves no time to decay: ``end_value`` at once.
      end_value: the floor below which the rate does not fall, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.inverse_power(0.1)
      >>> [round(float(schedule(step)), 4) for step in (0, 3, 8, 99)]
      [0.1, 0.05, 0.0333, 0.01]

    References:
      M. Zinkevich, "Online convex programming and generalized infinitesimal gradient
      ascent", 2003, section 2.1 (power ½).
      A. Senior, G. Heigold, M. Ranzato and K. Yang, "An empirical study of learning rates
      in deep neural networks for speech recognition", 2013,
      doi:10.1109/ICASSP.2013.6638963 (power scheduling).
    """
    check_number("init_value", init_value, 0.0)
    check_number("power", power, 0.0)
    check_number("timescale", timescale, 0.0)
    check_number("end_value", end_value, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        duration = read_steps(timescale)
        decay = jnp.power(1 + ratio(time, duration), -read_number(power, 0.0))
        rate, floor = read_number(init_value, 0.0) * decay, read_number(end_value, 0.0)
        return jnp.where((duration > 0) & (rate > floor), rate, floor)

    return schedule_of(rate)
