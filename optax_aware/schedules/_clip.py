"""Keep a schedule between two rates."""

import math

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable, check_number
from optax_aware.schedules._steps import (
    AnySchedule,
    Number,
    Schedule,
    as_rate,
    read_number,
    read_steps,
)


def clip(schedule: AnySchedule, min_value: Number, max_value: Number) -> Schedule:
    r"""Keep the rate of a schedule between a floor and a ceiling.

    .. math:: \eta_t = \min(\max(s(t), \eta_\min), \eta_\max)

    Args:
      schedule: the schedule s.
      min_value: the floor.
      max_value: the ceiling, at least ``min_value``; it wins where a traced floor is above.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``schedule`` cannot be called, a number is not finite, or the ceiling
        is below the floor.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.clip(oa.schedules.inverse_power(0.4), 0.05, 0.3)
      >>> [round(float(schedule(step)), 4) for step in (0, 3, 15, 999)]
      [0.3, 0.2, 0.1, 0.05]
    """
    check_callable("schedule", schedule, "a schedule, such as constant(0.1)")
    check_number("min_value", min_value)
    known = not isinstance(min_value, Tracer)
    check_number("max_value", max_value, float(min_value) if known else -math.inf)

    def clipped(step: ArrayLike) -> jax.Array:
        time = read_steps(step)
        rate, low = as_rate(schedule(time), time), read_number(min_value)
        high = read_number(max_value)
        rate = jnp.where(rate < low, low, rate)
        return as_rate(jnp.where(rate > high, high, rate), time)

    return clipped
