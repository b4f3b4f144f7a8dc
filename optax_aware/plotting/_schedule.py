"""A picture of schedules."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes

from optax_aware._arguments import check_callable, check_flag, check_integer
from optax_aware.plotting._style import (
    axes_of,
    legend_below,
    line_style,
    log_axis,
    marker_of,
    say_empty,
    step_limits,
    tidy,
)

_POINTS = 2000


def schedule(
    schedules: optax.Schedule | Mapping[str, optax.Schedule],
    num_steps: int = 1000,
    *,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw one or several schedules against the step.

    Args:
      schedules: a schedule, of ours or of anybody else, or a mapping from names to schedules.
      num_steps: how many steps to show, at least 1.
      log: whether rates are on a log axis; rates of 0 are left out there.
      ax: where to draw; None for a new figure.

    Returns:
      The Axes, with a line for each schedule.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import optax_aware as oa
      >>> shapes = {"cosine": oa.schedules.cosine(0.1, 100), "noam": oa.schedules.noam(512, 40)}
      >>> ax = oa.plotting.schedule(shapes, num_steps=120)
      >>> print(len(ax.lines), ax.get_ylabel())
      2 learning rate
    """
    check_integer("num_steps", num_steps, 1)
    check_flag("log", log)
    named = dict(schedules) if isinstance(schedules, Mapping) else {"": schedules}
    for name, one in named.items():
        check_callable(f"schedules[{name!r}]" if name else "schedules", one, "a schedule")
    ax = axes_of(ax)
    steps = np.unique(np.linspace(0, num_steps - 1, min(num_steps, _POINTS)).astype(np.int32))
    lines = []
    for place, (name, one) in enumerate(named.items()):
        rates = _rates(one, steps)
        shown = np.where(rates > 0, rates, np.nan) if log else rates
        label = {"label": name} if name else {}
        lines += ax.plot(steps, shown, marker=marker_of(len(steps)), **label, **line_style(place))
    tidy(ax, "Learning rate of every step", "step (updates)", "learning rate")
    step_limits(ax, 0.0, num_steps - 1.0)
    if not lines:
        say_empty(ax)
    if log:
        log_axis(ax, "y")
    else:
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
        ax.ticklabel_format(axis="y", scilimits=(-3, 4))
    legend_below(ax, [line for line in lines if not line.get_label().startswith("_")], 3)
    return ax


def _rates(schedule: optax.Schedule, steps: np.ndarray) -> np.ndarray:
    """Return the rates of these steps, one by one from a schedule that asks what its step is."""
    try:
        return np.asarray(jax.vmap(schedule)(jnp.asarray(steps)), float)
    except jax.errors.ConcretizationTypeError:
        return np.array([np.asarray(schedule(int(step)), float) for step in steps])
