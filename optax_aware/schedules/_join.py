"""Schedules one after the other."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable
from optax_aware.schedules._boundaries import (
    Numbers,
    check_boundaries,
    check_length,
    read_boundaries,
)
from optax_aware.schedules._steps import (
    AnySchedule,
    Schedule,
    as_rate,
    difference,
    elapsed,
    read_steps,
)


def _check_schedules(schedules: Any) -> None:
    if isinstance(schedules, str) or not isinstance(schedules, Sequence) or not schedules:
        raise ValueError(
            f"schedules must be a sequence of at least one schedule, got schedules={schedules!r}."
        )
    for index, schedule in enumerate(schedules):
        check_callable(f"schedules[{index}]", schedule, "a schedule, such as constant(0.1)")


def join(schedules: Sequence[AnySchedule], boundaries: Numbers) -> Schedule:
    r"""Follow one schedule after the other.

    Each schedule gets the step counted from its own boundary, and 0 before it: never a
    negative step, at which a schedule may have no value.

    .. math:: \eta_t = s_n(t - b_n), \quad n = |\{b \in \mathrm{boundaries} : b \le t\}|

    with b₀ = 0 in front of the boundaries.

    Args:
      schedules: the schedules s₀ to s_n, one more than there are boundaries.
      boundaries: the steps at which the next schedule begins, in ascending order, each at
        least 0, as a sequence or a vector. Between two equal ones a schedule has no time
        and is skipped.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a schedule cannot be called, a boundary is negative or not finite, the
        boundaries are not sorted, or their number does not fit.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.join(
      ...     [oa.schedules.linear(0.0, 0.5, 10), oa.schedules.exponential(0.5, 0.5, 10)], [10]
      ... )
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
      [0.0, 0.25, 0.5, 0.25, 0.125]

    """
    _check_schedules(schedules)
    check_boundaries(boundaries)
    check_length("boundaries", boundaries, len(schedules) - 1, "one less than schedules")
    members = tuple(schedules)

    def schedule(step: ArrayLike) -> jax.Array:
        time = read_steps(step)
        rate = as_rate(members[0](time), time)
        starts = read_boundaries(boundaries)
        for index, member in enumerate(members[1:]):
            own_step = elapsed(time, starts[index])
            own_rate = as_rate(member(own_step), time)
            rate = jnp.where(difference(time, starts[index]) >= 0, own_rate, rate)
        return rate

    return schedule
