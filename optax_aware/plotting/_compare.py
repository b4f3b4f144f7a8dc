"""A picture of several runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from optax_aware.plotting._history import as_numbers, read_reports
from optax_aware.plotting._style import (
    axes_of,
    legend_below,
    line_style,
    log_axis,
    marker_of,
    plain,
    say_empty,
    step_limits,
    tidy,
    wide,
)
from optax_aware.reporting._report import Report

_WINDOWS = 50


def compare(results: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw the losses of several runs against the step, with how each of them ended.

    Losses are averaged over a fiftieth of the run at a time, so that noise does not hide what
    differs. Several runs of one kind become their median and a band from least to greatest.

    Args:
      results: a mapping from names to the losses of each step, shape ``(steps,)``, or of
        several runs, shape ``(runs, steps)``; or to a run's reports, stacked or in a list,
        whose ``value_mean`` is drawn.
      ax: where to draw; None for a new figure.

    Returns:
      The Axes, with a line for each name in the order of ``results``; the legend has the one
      that ended lowest first.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import numpy as np, optax_aware as oa
      >>> steps = np.arange(100)
      >>> ax = oa.plotting.compare({"slow": 0.99**steps, "fast": 0.9**steps})
      >>> print([text.get_text() for text in ax.get_legend().get_texts()])
      ['fast  3.1e-05', 'slow  0.37']
    """
    if not isinstance(results, Mapping):
        raise ValueError(
            "results must be a mapping from names to losses or reports, got "
            f"results of type {type(results).__name__}."
        )
    curves = {name: _read(name, result) for name, result in results.items()}
    ax = axes_of(ax)
    ended, first, last = [], np.inf, 0.0
    for place, (name, (steps, losses)) in enumerate(curves.items()):
        steps, losses = _averaged(steps, losses)
        middle = np.median(losses, axis=0)
        style = line_style(place)
        ending = float(middle[-1]) if middle.size else np.nan
        (line,) = ax.plot(
            steps, middle, marker=marker_of(len(steps)), label=f"{name}  {plain(ending)}", **style
        )
        if len(losses) > 1:
            ax.fill_between(
                steps, losses.min(0), losses.max(0), color=style["color"], alpha=0.2, linewidth=0
            )
        ended.append((not np.isfinite(ending), ending, place, line))
        if len(steps):
            first, last = min(first, float(steps[0])), max(last, float(steps[-1]))
    tidy(ax, "Loss, with its last value (lowest first)", "step (updates)", "loss")
    step_limits(ax, first if np.isfinite(first) else 0.0, last)
    if not any(np.size(line.get_xdata()) for line in ax.lines):
        say_empty(ax)
    middles = np.concatenate([np.ravel(line.get_ydata()) for line in ax.lines] or [np.zeros(0)])
    if wide(middles):
        log_axis(ax, "y")
    legend_below(ax, [line for *_, line in sorted(ended, key=lambda one: one[:3])], 2)
    return ax


def _read(name: str, result: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return steps, and losses of shape (runs, steps)."""
    listed = isinstance(result, Sequence) and len(result) and isinstance(result[0], Report)
    if isinstance(result, Report) or listed:
        reports = read_reports(result)
        return reports["step"] - 1, reports["value_mean"][None]
    losses = as_numbers(f"results[{name!r}]", result)
    if losses.ndim not in (1, 2) or (losses.ndim == 2 and not len(losses)):
        raise ValueError(
            f"results[{name!r}] must have shape (steps,) or (runs, steps), with a run at least, "
            f"got shape {losses.shape}."
        )
    losses = np.atleast_2d(losses)
    return np.arange(losses.shape[1], dtype=float), losses


def _averaged(steps: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means over windows, each at its last step, and none left out."""
    if len(steps) <= _WINDOWS:
        return steps, losses
    edges = np.linspace(0, len(steps), _WINDOWS + 1).astype(int)
    means = np.add.reduceat(losses, edges[:-1], axis=1) / np.diff(edges)
    return steps[edges[1:] - 1], means
