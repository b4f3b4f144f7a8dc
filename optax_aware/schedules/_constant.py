"""A rate that never changes."""

import jax

from optax_aware._arguments import check_number
from optax_aware.schedules._steps import Number, Schedule, read_number, schedule_of


def constant(value: Number) -> Schedule:
    r"""Keep one rate for ever.

    The control for every other schedule, and the plateau to put `warmup` in front of.
    Prefer it where the run has no known end and the parameters are averaged afterwards.

    .. math:: \eta_t = \eta_0

    Args:
      value: the rate, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if ``value`` is not a finite number of at least 0.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.constant(0.3)
      >>> [round(float(schedule(step)), 4) for step in (0, 10, 1000)]
      [0.3, 0.3, 0.3]

    References:
      H. Robbins and S. Monro, "A stochastic approximation method", 1951,
      doi:10.1214/aoms/1177729586 (what a constant rate gives up: convergence to a point).
    """
    check_number("value", value, 0.0)

    def rate(_: jax.Array) -> jax.Array:
        return read_number(value, 0.0)

    return schedule_of(rate)
