"""A picture of one run: loss, learning rate, conditions and events."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from matplotlib.axes import Axes

from optax_aware.plotting._conditions import draw_bands
from optax_aware.plotting._history import as_numbers, read_reports
from optax_aware.plotting._style import (
    BLACK,
    BLUE,
    GREY,
    around,
    axes_of,
    legend_below,
    log_axis,
    marker_of,
    say_empty,
    step_limits,
    tidy,
)
from optax_aware.reporting._events import Event
from optax_aware.reporting._report import Report

MARKERS = {
    "raised": "^",
    "lowered": "v",
    "skipped": "x",
    "rewound": "<",
    "relearned": "o",
    "cooled": "s",
}


def run(
    reports: Report | Sequence[Report],
    *,
    values: ArrayLike | None = None,
    events: Iterable[Event] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a run did: its loss, its rate on a log axis, what was seen, and why it acted.

    Args:
      reports: what ``report(opt_state)`` returned after each step or now and then, in a list;
        or one `Report` stacked over steps, as a scan returns it.
      values: the loss of each of these steps, one a report; None draws the smoothed loss of
        the policy alone, which those that keep none do not have.
      events: what ``events(opt_state)`` returned at the end: marked on the rate.
      ax: where to draw; None for a new figure. The rate gets an axis on the right.

    Returns:
      The Axes of the loss; that of the rate is the last of ``ax.figure.axes``.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(factor=0.5, patience=1)
      >>> tx = oa.aware(optax.identity(), policy, learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state, reports, losses = tx.init(params), [], [2.0, 1.0, 1.0, 1.0, 0.5]
      >>> for loss in losses:
      ...     updates, opt_state = tx.update(params, opt_state, params, value=loss)
      ...     reports.append(oa.report(opt_state))
      >>> ax = oa.plotting.run(reports, values=losses, events=oa.events(opt_state))
      >>> print([text.get_text() for text in ax.get_legend().get_texts()])
      ['loss', 'smoothed loss', 'learning rate', 'lowered', 'descending', 'flat']
    """
    history = read_reports(reports)
    acted = _checked_events(events)
    steps = history["step"] - 1.0
    losses = _checked_values(values, len(steps))
    ax = axes_of(ax)
    rate_axes = ax.twinx()
    patches = draw_bands(ax, steps, history["condition"])
    lines = []
    if losses is not None:
        lines += ax.plot(
            steps, losses, color=GREY, linewidth=0.9, marker=marker_of(len(steps)), label="loss"
        )
    means = np.where(np.isfinite(history["value_mean"]), history["value_mean"], np.nan)
    if np.isfinite(means).any():
        lines += ax.plot(
            steps,
            means,
            color=BLACK,
            linewidth=1.6,
            marker=marker_of(len(steps)),
            label="smoothed loss",
        )
    lines += _draw_rate(rate_axes, steps, history["learning_rate"])
    lines += _draw_events(rate_axes, acted)
    tidy(ax, "Loss, learning rate and condition", "step (updates)", "loss")
    if len(steps):
        step_limits(ax, steps[0], steps[-1] + (len(steps) > 1))
    else:
        step_limits(ax, 0.0, 0.0)
        say_empty(ax)
    limits = around(np.concatenate([means, np.zeros(0) if losses is None else losses]))
    if limits is not None:
        ax.set_ylim(*limits)
    legend_below(ax, [*lines, *patches], 4)
    return ax


def _draw_rate(ax: Axes, steps: np.ndarray, rates: np.ndarray) -> list[Any]:
    """Draw the rate against an axis on the right; rates of 0 have no place on a log axis."""
    ax.set_ylabel("learning rate", color=BLUE)
    ax.tick_params(axis="y", which="both", colors=BLUE)
    ax.spines["top"].set_visible(False)
    positive = np.where(np.isfinite(rates) & (rates > 0), rates, np.nan)
    if not np.isfinite(positive).any():
        ax.set_yticks([])
        return []
    lines = ax.plot(
        steps,
        positive,
        color=BLUE,
        linestyle=(0, (5, 1.5)),
        linewidth=1.6,
        marker=marker_of(len(steps)),
        label="learning rate",
    )
    low, high = np.nanmin(positive), np.nanmax(positive)
    ax.set_ylim(low / 1.6, high * 1.6)
    log_axis(ax, "y")
    return lines


def _draw_events(ax: Axes, events: Iterable[Event]) -> list[Any]:
    """Mark on the rate where the policy acted, each kind of action with its own marker."""
    places: dict[str, list[tuple[float, float]]] = {name: [] for name in MARKERS}
    for event in events:
        places[_action(event)].append((event.last_step, event.rate_after))
    lines = []
    for name, at in places.items():
        shown = [(step, rate) for step, rate in at if rate > 0]
        if shown:
            lines += ax.plot(
                *zip(*shown, strict=True),
                linestyle="none",
                marker=MARKERS[name],
                markersize=6,
                markerfacecolor="white",
                markeredgecolor=BLUE,
                markeredgewidth=1.4,
                clip_on=False,
                label=name,
            )
    return lines


def _action(event: Event) -> str:
    if event.action != "scaled":
        return event.action
    # Before the first step there was no rate: whatever came is higher.
    known = np.isfinite(event.rate_before)
    return "raised" if event.rate_after > (event.rate_before if known else 0.0) else "lowered"


def _checked_events(events: Iterable[Event] | None) -> list[Event]:
    acted = list(events or ())
    strange = next((one for one in acted if not isinstance(one, Event)), None)
    if strange is not None:
        raise ValueError(
            "events must be what events(opt_state) returned, got one of type "
            f"{type(strange).__name__}."
        )
    return acted


def _checked_values(values: ArrayLike | None, count: int) -> np.ndarray | None:
    if values is None:
        return None
    losses = as_numbers("values", values)
    if losses.shape != (count,):
        raise ValueError(
            f"values must have a loss for each of the {count} reports, got shape {losses.shape}."
        )
    return losses
