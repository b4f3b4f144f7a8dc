"""Cosine decay."""

import jax

from optax_aware._arguments import check_number
from optax_aware.schedules._shapes import mean, weights
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    progress,
    read_number,
    schedule_of,
)


def cosine(init_value: Number, decay_steps: Number, end_value: Number = 0.0) -> Schedule:
    r"""Go from one rate to another along half a period of the cosine.

    Stays long near the first rate, falls in the middle and settles gently. Prefer it where
    the number of steps is known; put `warmup` in front for networks that do not bear the
    full rate at the start.

    .. math:: \eta_t = \eta_T + \frac{\eta_0 - \eta_T}{2} (1 + \cos(\pi t / T))

    Args:
      init_value: the rate at step 0, η₀, at least 0.
      decay_steps: steps until the end value, T, at least 0; 0 gives ``end_value`` at once.
      end_value: the rate from step ``decay_steps`` on, η_T, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.cosine(0.3, decay_steps=20, end_value=0.01)
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
      [0.3, 0.2575, 0.155, 0.01, 0.01]

    References:
      I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
      2017, arXiv:1608.03983 (equation 5, without a restart).
    """
    check_number("init_value", init_value, 0.0)
    check_number("decay_steps", decay_steps, 0.0)
    check_number("end_value", end_value, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        start_weight, end_weight = weights("cosine", *progress(time, decay_steps))
        init, end = read_number(init_value, 0.0), read_number(end_value, 0.0)
        return mean(init, end, start_weight, end_weight)

    return schedule_of(rate)
