"""The schedule of the transformer."""

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_number
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    bounded,
    read_number,
    read_steps,
    schedule_of,
    to_float,
)


def noam(model_dim: Number, warmup_steps: Number, scale: Number = 1.0) -> Schedule:
    r"""Go up in a straight line, then down with the square root of time.

    The schedule of the first transformer, with a peak of (d w)^-½ at step w − 1. Prefer it
    to reproduce such runs; elsewhere ``warmup(inverse_power(...), ...)`` says the same with
    the peak as a number of its own.

    .. math:: \eta_t = c\,d^{-1/2} \min\left((t+1)^{-1/2}, (t+1)\,w^{-3/2}\right)

    Args:
      model_dim: the width of the model, d, above 0. A traced one that is 0 reads as 1.
      warmup_steps: steps on the way up, w, at least 0; 0 starts on the way down.
      scale: multiplies the rate, c, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is not finite or outside of its range.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.noam(model_dim=512, warmup_steps=4000)
      >>> [round(float(schedule(step)), 7) for step in (0, 1999, 3999, 15999)]
      [2e-07, 0.0003494, 0.0006988, 0.0003494]

    References:
      A. Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762 (equation 3,
      where the first step is number 1).
    """
    check_number("model_dim", model_dim, 0.0, open_low=True)
    check_number("warmup_steps", warmup_steps, 0.0)
    check_number("scale", scale, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        number = to_float(time) + 1
        width, warmup = read_number(model_dim, 0.0), to_float(read_steps(warmup_steps))
        rising = number < warmup
        safe_warmup = jnp.where(rising, warmup, np.float32(1))
        rise = jnp.where(rising, number, np.float32(1)) / (safe_warmup * jnp.sqrt(safe_warmup))
        shape = jnp.where(rising, rise, 1 / jnp.sqrt(number))
        # No width is no model: a traced one that is 0 reads as 1.
        factor = read_number(scale, 0.0) / jnp.sqrt(jnp.where(width > 0, width, np.float32(1)))
        return bounded(factor) * shape

    return schedule_of(rate)
