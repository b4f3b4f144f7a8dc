"""A warmup in front of any schedule."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable, check_choice, check_number
from optax_aware.schedules._shapes import SHAPES, mean, weights
from optax_aware.schedules._steps import (
    AnySchedule,
    Number,
    Schedule,
    as_rate,
    elapsed,
    progress,
    read_number,
    read_steps,
)


def warmup(
    schedule: AnySchedule,
    warmup_steps: Number,
    init_value: Number = 0.0,
    shape: str = "linear",
) -> Schedule:
    r"""Bring the rate up to where a schedule starts, then follow that schedule.

    A fresh network does not bear the rate it will want later, and the moments of Adam are
    still noise in its first steps. Works in front of any schedule, one of `optax` included:
    the schedule starts at its own step 0 when the warmup ends, so its horizon is not
    shortened.

    .. math::
       \eta_t = \begin{cases}
         \eta_\mathrm{init} + (s(0) - \eta_\mathrm{init})\,r(t/w) & t < w \\
         s(t - w) & t \ge w
       \end{cases}

    with r(x) = x (``"linear"``), (1 − cos πx) / 2 (``"cosine"``) or 0 (``"constant"``).

    Args:
      schedule: the schedule s that follows; its rate at its step 0 is the peak.
      warmup_steps: steps before it starts, w, at least 0; 0 leaves the schedule as it is.
      init_value: the rate at step 0, at least 0. Where it is 0 the first step moves
        nothing.
      shape: ``"linear"``, ``"cosine"``, or ``"constant"`` to hold ``init_value`` until the
        schedule starts.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``schedule`` cannot be called, a number is negative or not finite, or
        ``shape`` is unknown.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.warmup(oa.schedules.cosine(0.3, decay_steps=20), 10)
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
      [0.0, 0.15, 0.3, 0.15, 0.0]

    References:
      P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour", 2017,
      arXiv:1706.02677 (section 2.2, constant and gradual warmup).
    """
    check_callable("schedule", schedule, "a schedule, such as constant(0.1)")
    check_number("warmup_steps", warmup_steps, 0.0)
    check_number("init_value", init_value, 0.0)
    check_choice("shape", shape, (*SHAPES, "constant"))

    def warmed_up(step: ArrayLike) -> jax.Array:
        time, duration = read_steps(step), read_steps(warmup_steps)
        done, left = progress(time, duration)
        if shape == "constant":
            left = jnp.where(left > 0, np.float32(1), np.float32(0))
            done = 1 - left
        init_weight, rate_weight = weights(shape, done, left)
        # Until the warmup ends, the step of the schedule is 0 and its rate is the peak.
        rate = as_rate(schedule(elapsed(time, duration)), time)
        return as_rate(mean(read_number(init_value, 0.0), rate, init_weight, rate_weight), time)

    return warmed_up
