"""Start a schedule later."""

import jax
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable, check_number
from optax_aware.schedules._steps import AnySchedule, Number, Schedule, as_rate, elapsed, read_steps


def delay(schedule: AnySchedule, steps: Number) -> Schedule:
    r"""Hold the first rate of a schedule for some steps, then follow it.

    Prefer it to let a decay begin later; `warmup` comes up from below in the same time.

    .. math:: \eta_t = s(\max(t - n, 0))

    Args:
      schedule: the schedule s.
      steps: the number of steps to wait, n, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``schedule`` cannot be called, or ``steps`` is negative or not finite.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.delay(oa.schedules.linear(0.4, 0.0, 100), 50)
      >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 150)]
      [0.4, 0.4, 0.2, 0.0]
    """
    check_callable("schedule", schedule, "a schedule, such as constant(0.1)")
    check_number("steps", steps, 0.0)

    def delayed(step: ArrayLike) -> jax.Array:
        time = read_steps(step)
        return as_rate(schedule(elapsed(time, read_steps(steps))), time)

    return delayed
