"""Multiply the rate by a factor at given steps."""

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_number
from optax_aware.schedules._boundaries import (
    Numbers,
    check_boundaries,
    count_passed,
    read_boundaries,
)
from optax_aware.schedules._growth import growth
from optax_aware.schedules._steps import Number, Schedule, read_number, schedule_of


def multi_step(init_value: Number, boundaries: Numbers, factor: Number = 0.1) -> Schedule:
    r"""Multiply the rate by a factor at each of the given steps.

    The schedule of the classic image networks, also known as multi-factor or step decay.
    Prefer it where it is known from earlier runs when the loss stops falling; where it is
    not, a policy such as `optax_aware.policies.reduce_on_plateau` finds these steps itself.

    .. math:: \eta_t = \eta_0\,\alpha^{|\{b \in \mathrm{boundaries} : b \le t\}|}

    Args:
      init_value: the rate before the first boundary, η₀, at least 0.
      boundaries: steps in ascending order, each at least 0, as a sequence or a vector. At
        a boundary the factor is already applied; one that is given twice counts twice.
      factor: what the rate is multiplied by at each boundary, α, at least 0; 0.1 is the
        factor of the residual networks.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite, or the boundaries are not sorted.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.multi_step(0.5, [15, 30], factor=0.5)
      >>> [round(float(schedule(step)), 4) for step in (0, 14, 15, 30, 99)]
      [0.5, 0.5, 0.25, 0.125, 0.125]

    References:
      K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition",
      2016, arXiv:1512.03385 (section 4.2).
    """
    check_number("init_value", init_value, 0.0)
    check_boundaries(boundaries)
    check_number("factor", factor, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        drops = count_passed(time, read_boundaries(boundaries)).astype(jnp.float32)
        return read_number(init_value, 0.0) * growth(factor, drops)

    return schedule_of(rate)
