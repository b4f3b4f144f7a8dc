"""Schedules that count epochs."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from optax_aware._arguments import check_callable, check_flag, check_number
from optax_aware.schedules._steps import (
    AnySchedule,
    Number,
    Schedule,
    as_rate,
    divide,
    is_integer,
    ratio,
    read_steps,
)


def per_epoch(schedule: AnySchedule, steps_per_epoch: Number, staircase: bool = True) -> Schedule:
    r"""Hand a schedule the number of the epoch in place of the step.

    Prefer it where the numbers of a schedule are known in epochs, as most papers give them:
    they stay what they are when the batch size changes. The epoch is t/s, rounded down to
    a whole number (0 in the first epoch) with ``staircase``, a float32 without.

    .. math:: \eta_t = s(\lfloor t/n \rfloor)

    Args:
      schedule: a schedule s whose steps are epochs.
      steps_per_epoch: steps in an epoch, n, at least 1; need not be a whole number. A
        traced one below 1 reads as 1.
      staircase: keep the rate for a whole epoch; without, it changes at every step.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``schedule`` cannot be called, ``steps_per_epoch`` is not a finite
        number of at least 1, or ``staircase`` is not a bool.

    Example:
      >>> import optax_aware as oa
      >>> by_epoch = oa.schedules.multi_step(0.5, [15, 30], factor=0.5)
      >>> schedule = oa.schedules.per_epoch(by_epoch, steps_per_epoch=100)
      >>> [round(float(schedule(step)), 4) for step in (0, 1499, 1500, 3000)]
      [0.5, 0.5, 0.25, 0.125]

    References:
      P. Goyal et al., "Accurate, large minibatch SGD: Training ImageNet in 1 hour", 2017,
      arXiv:1706.02677 (section 5.1, a schedule given in epochs).
    """
    check_callable("schedule", schedule, "a schedule, such as constant(0.1)")
    check_number("steps_per_epoch", steps_per_epoch, 1.0)
    check_flag("staircase", staircase)

    def by_step(step: ArrayLike) -> jax.Array:
        time, length = read_steps(step), read_steps(steps_per_epoch)
        length = jnp.where(length < 1, jnp.ones((), length.dtype), length)
        if staircase:
            epoch = divide(time, length)[0]
            epoch = epoch.astype(time.dtype if is_integer(time) else np.float32)
        else:
            epoch = ratio(time, length)
        return as_rate(schedule(epoch), time)

    return by_step
