"""Given levels, one after the other."""

import jax
import jax.numpy as jnp

from optax_aware.schedules._boundaries import (
    Numbers,
    check_boundaries,
    check_length,
    check_numbers,
    count_passed,
    read_boundaries,
)
from optax_aware.schedules._steps import Schedule, read_number, schedule_of


def piecewise_constant(values: Numbers, boundaries: Numbers) -> Schedule:
    r"""Hold each of the given levels until the next boundary.

    Prefer it to `multi_step` where the levels are known and do not share one factor.

    .. math:: \eta_t = v_n, \quad n = |\{b \in \mathrm{boundaries} : b \le t\}|

    Args:
      values: the levels, v₀ to v_n, each at least 0: one more than there are boundaries,
        as a sequence or a vector.
      boundaries: steps in ascending order, each at least 0, as a sequence or a vector. At
        a boundary the new level already holds.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite, the boundaries are not sorted, or
        the number of levels does not fit.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.piecewise_constant([0.1, 0.3, 0.02], [10, 50])
      >>> [round(float(schedule(step)), 4) for step in (0, 9, 10, 49, 50)]
      [0.1, 0.1, 0.3, 0.3, 0.02]

    References:
      A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep
      convolutional neural networks", 2012, doi:10.1145/3065386 (section 5).
    """
    check_numbers("values", values, 0.0)
    check_boundaries(boundaries)
    check_length("values", values, len(boundaries) + 1, "one more than boundaries")

    def rate(time: jax.Array) -> jax.Array:
        levels = jnp.stack([read_number(value, 0.0) for value in values])
        return levels[count_passed(time, read_boundaries(boundaries))]

    return schedule_of(rate)
