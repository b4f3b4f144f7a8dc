"""Multiply a schedule."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable, check_number
from optax_aware.schedules._steps import (
    AnySchedule,
    Number,
    Schedule,
    as_rate,
    bounded,
    read_number,
    read_steps,
)


def scale(schedule: AnySchedule, factor: Number) -> Schedule:
    r"""Multiply the rate of a schedule by a number.

    Prefer it to compare one shape at several rates, to follow a change of the batch size,
    or, with −1, to hand a schedule to `optax.scale_by_schedule`.

    .. math:: \eta_t = c\,s(t)

    Args:
      schedule: the schedule s.
      factor: the number c, of any sign.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``schedule`` cannot be called or ``factor`` is not a finite number.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.scale(oa.schedules.linear(0.4, 0.0, 100), 0.5)
      >>> [round(float(schedule(step)), 4) for step in (0, 50, 100)]
      [0.2, 0.1, 0.0]

    References:
      P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour", 2017,
      arXiv:1706.02677 (section 2.1, the linear scaling rule).
    """
    check_callable("schedule", schedule, "a schedule, such as constant(0.1)")
    check_number("factor", factor)

    def scaled(step: ArrayLike) -> jax.Array:
        time = read_steps(step)
        rate = as_rate(schedule(time), time)
        product = read_number(factor) * rate
        return as_rate(jnp.where(jnp.isfinite(rate), bounded(product), product), time)

    return scaled
