"""The figure of the effects: curves above, endings below, a column for each number varied."""

from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.configuration import Configuration
from experiments.history import History
from experiments.plots import between_evaluations
from experiments.style import MARKERS, PLAIN_NUMBERS, plain_log, tidy
from experiments.textbook.effects import Effect, effects

DARKEST, LIGHTEST = 0.0, 0.85


def draw_effects(configuration: Configuration, histories: Mapping[str, History]) -> Figure:
    """Draw what each number does to the training loss, and to the accuracy at the end."""
    with rc_context({"font.size": 12, "legend.fontsize": 11}):
        known = effects(configuration.learning_rate)
        shown = [effect for effect in known if not histories.keys().isdisjoint(effect.contenders)]
        figure = Figure(figsize=(5.2 * len(shown), 9), layout="constrained")
        axes = figure.subplots(2, len(shown), squeeze=False)
        for column, effect in zip(axes.T, shown, strict=True):
            _draw_effect(column, effect, configuration, histories)
        axes[0, 0].set_ylabel("training loss (cross-entropy, nats)")
        axes[1, 0].set_ylabel("held-out accuracy at the end (%)")
        for panel in axes.flat:
            tidy(panel)
        seeds = f"{configuration.seeds} seed" + ("s" if configuration.seeds > 1 else "")
        figure.suptitle(
            f"{configuration.workload}: {configuration.steps:,} steps of gradient descent, "
            f"base rate {configuration.learning_rate:g}\n"
            f"above means of {seeds}, below a mark for each seed and a line through the means",
            fontsize="large",
        )
    return figure


def _draw_effect(
    axes: np.ndarray, effect: Effect, configuration: Configuration, histories: Mapping[str, History]
) -> None:
    curves, endings = axes
    evaluated = np.array(configuration.evaluations())
    numbers = [number for name, number in effect.contenders.items() if name in histories]
    names = [name for name in effect.contenders if name in histories]
    shades = colormaps["viridis"](np.linspace(DARKEST, LIGHTEST, len(names)))
    means = []
    for name, number, shade, marker in zip(names, numbers, shades, MARKERS, strict=False):
        history = histories[name]
        loss = between_evaluations(configuration, history.train_loss)
        curves.plot(
            evaluated,
            loss.mean(axis=0),
            color=shade,
            marker=marker,
            markevery=max(1, len(evaluated) // 6),
            label=f"{number:g}",
        )
        last = 100 * history.held_out_accuracy[:, -1]
        endings.plot(np.full(len(last), number), last, marker, color=shade, markersize=9)
        means.append(last.mean())
    endings.plot(numbers, means, color="0.4", linewidth=1, zorder=0)
    curves.set_title(effect.title)
    curves.set_xlabel("step (updates)")
    curves.legend(title=effect.number, frameon=False)
    _scale(curves, endings, effect)


def _scale(curves: Axes, endings: Axes, effect: Effect) -> None:
    curves.set_yscale("log")
    plain_log(curves)
    endings.set_xlabel(effect.number)
    if effect.number == "learning rate":
        endings.set_xscale("log")
        endings.xaxis.set_major_formatter(PLAIN_NUMBERS)
