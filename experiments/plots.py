"""The figure of a comparison: loss, both accuracies and learning rate against steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from experiments.configuration import Configuration
from experiments.contenders.catalogue import CONTENDERS, told_of_base_rate
from experiments.history import History
from experiments.style import COLOURS, DASHES, MARKERS, plain_log, save, tidy
from experiments.tables import Summary

HEADINGS = {"schedule": "Schedules", "policy": "Policies that listen to the loss"}
MARKS_PER_LINE = 6
ONE_COLUMN_UP_TO = len(COLOURS)


def save_comparison(
    path: Path,
    configuration: Configuration,
    histories: Mapping[str, History],
    summaries: list[Summary],
) -> None:
    """Draw the figure of a comparison into a PNG file."""
    save(draw_figure(configuration, histories, summaries), path, dpi=150)


def draw_figure(
    configuration: Configuration,
    histories: Mapping[str, History],
    summaries: list[Summary],
) -> Figure:
    """Draw all contenders, schedules and policies side by side where they are many.

    Lines are means over seeds, bands reach from the least to the greatest; where a seed has
    failed to train, every seed has a line. Training loss and accuracy are averaged from one
    evaluation to the next. Colours follow the order of the catalogue, so that they stay the same
    from one comparison of all contenders to the next.
    """
    with rc_context({"font.size": 12, "legend.fontsize": 11}):
        return _draw(configuration, histories, summaries)


def _draw(
    configuration: Configuration,
    histories: Mapping[str, History],
    summaries: list[Summary],
) -> Figure:
    columns = _columns(summaries)
    figure = Figure(figsize=(3.5 + 5.5 * len(columns), 14), layout="constrained")
    axes = figure.subplots(4, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (heading, members) in enumerate(columns):
        names = [name for name in CONTENDERS if any(name == m.contender for m in members)]
        for summary in members:
            name = summary.contender
            _draw_contender(
                axes[:, column], configuration, histories[name], summary, names.index(name)
            )
        axes[0, column].set_title(heading)
        axes[3, column].set_xlabel("step (updates)")
        axes[3, column].legend(
            *axes[0, column].get_legend_handles_labels(),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=2,
            frameon=False,
            title="held-out accuracy at the end, best first",
        )
    _label_rows(axes, histories)
    seeds = f"{configuration.seeds} seed" + ("s" if configuration.seeds > 1 else "")
    told = told_of_base_rate(configuration.contenders, configuration.learning_rate)
    figure.suptitle(
        f"{configuration.workload}: {configuration.steps:,} steps of gradient descent\n{told}\n"
        f"mean of {seeds}, band from least to greatest; "
        "a line for each seed where one has failed",
        fontsize="large",
    )
    return figure


def _columns(summaries: list[Summary]) -> list[tuple[str, list[Summary]]]:
    """Headings and contenders of each column of the figure."""
    kinds = [kind for kind in HEADINGS if any(summary.kind == kind for summary in summaries)]
    if len(summaries) <= ONE_COLUMN_UP_TO:
        return [(" and ".join(HEADINGS[kind] for kind in kinds).capitalize(), summaries)]
    return [
        (HEADINGS[kind], [summary for summary in summaries if summary.kind == kind])
        for kind in kinds
    ]


def _draw_contender(
    axes: np.ndarray, configuration: Configuration, history: History, summary: Summary, place: int
) -> None:
    evaluated = np.array(configuration.evaluations())
    train_loss = between_evaluations(configuration, history.train_loss)
    steps = np.arange(1, configuration.steps + 1)
    thinned = slice(None, None, max(1, configuration.steps // 1000))
    rate = np.where(history.learning_rate > 0, history.learning_rate, np.nan)
    together = _stay_together(summary)
    accuracy = summary.held_out_accuracy
    ending = (
        f"{100 * accuracy.mean:.2f} %"
        if together
        else f"{100 * accuracy.least:.2f} to {100 * accuracy.most:.2f} %"
    )
    label = f"{summary.contender}  {ending}"
    curves = (
        (evaluated, train_loss),
        (evaluated, 100 * history.train_accuracy),
        (evaluated, 100 * history.held_out_accuracy),
        (steps[thinned], rate[:, thinned]),
    )
    for panel, (at, values) in zip(axes, curves, strict=True):
        spacing = max(1, len(at) // MARKS_PER_LINE)
        colour = COLOURS[place % len(COLOURS)]
        lines = panel.plot(
            at,
            values.mean(axis=0) if together else values.T,
            color=colour,
            linestyle=DASHES[place // len(COLOURS) % len(DASHES)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=5,
            markevery=(place * spacing // len(MARKERS), spacing),
            linewidth=1.6,
        )
        lines[0].set_label(label)
        if together:
            panel.fill_between(
                at, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
            )


def between_evaluations(configuration: Configuration, per_step: np.ndarray) -> np.ndarray:
    """Means from one evaluation to the next of what was measured at every step."""
    evaluated = configuration.evaluations()
    totals = np.add.reduceat(per_step, [0, *evaluated[:-1]], axis=1)
    return totals / np.diff([0, *evaluated])


def _stay_together(summary: Summary) -> bool:
    """Whether a mean describes the seeds: it does not where one of them has failed to train."""
    accuracy = summary.held_out_accuracy
    return accuracy.least >= 0.5 * accuracy.most


def _label_rows(axes: np.ndarray, histories: Mapping[str, History]) -> None:
    loss, trained, held_out, rate = axes[:, 0]
    loss.set_ylabel("training loss (cross-entropy, nats)")
    losses = np.stack([history.train_loss for history in histories.values()])
    if np.any(np.isfinite(losses) & (losses > 0)):
        loss.set_yscale("log")
        plain_log(loss)
    trained.set_ylabel("training accuracy (%)")
    trained.set_ylim(*_accuracy_limits([history.train_accuracy for history in histories.values()]))
    held_out.set_ylabel("held-out accuracy (%)")
    held_out.set_ylim(
        *_accuracy_limits([history.held_out_accuracy for history in histories.values()])
    )
    rate.set_ylabel("learning rate")
    limits = _rate_limits(histories)
    if limits is not None:
        rate.set_yscale("log")
        rate.set_ylim(*limits)
        plain_log(rate)
    for panel in axes.flat:
        tidy(panel)
        panel.margins(x=0.01)


def _accuracy_limits(shares: Sequence[np.ndarray]) -> tuple[float, float]:
    """From what all but the worst reach early on, so that the ends can be told apart."""
    accuracies = 100 * np.stack(shares)
    early = accuracies.shape[-1] // 6
    low = float(np.quantile(accuracies[..., early:], 0.1))
    high = float(accuracies.max())
    margin = max(0.1, 0.05 * (high - low))
    return max(0.0, low - margin), min(100.0, high + margin)


def _rate_limits(histories: Mapping[str, History]) -> tuple[float, float] | None:
    """Three decades are enough: below them nothing moves any more."""
    rates = np.stack([history.learning_rate for history in histories.values()])
    positive = rates[rates > 0]
    if positive.size == 0:
        return None
    high = float(positive.max())
    return max(float(positive.min()) / 1.3, high / 1000), high * 1.3
