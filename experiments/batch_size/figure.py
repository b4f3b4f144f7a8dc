"""The figure: held-out loss against epochs and against updates, and what fell or grew."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from experiments.batch_size.arms import FACTOR, LARGEST, RATE, Arm
from experiments.batch_size.training import MICRO_BATCH, Curves
from experiments.style import COLOURS, FONTS, legend_below, tidy

FALLING, GROWING = "-", (0, (4, 1.5))
STYLES = {
    "constant": {"color": COLOURS[6], "linestyle": (0, (1, 1))},
    "schedule_rate": {"color": COLOURS[0], "linestyle": FALLING},
    "schedule_batch": {"color": COLOURS[0], "linestyle": GROWING},
    "plateau_rate": {"color": COLOURS[1], "linestyle": FALLING},
    "plateau_batch": {"color": COLOURS[1], "linestyle": GROWING},
}
"""A colour for what decides, and dashes for the batch."""


def draw(arms: Sequence[Arm], curves: Mapping[str, Curves]) -> Figure:
    """Draw means over seeds, and how far the seeds are apart at the end."""
    with rc_context(FONTS):
        figure = Figure(figsize=(10, 8), layout="constrained")
        (by_epoch, by_update), (rate, batch) = figure.subplots(2, 2)
        for place, arm in enumerate(arms):
            _draw_arm((by_epoch, by_update, rate, batch), arm, curves[arm.name], place)
        _label(by_epoch, by_update, rate, batch)
        _limit_losses((by_epoch, by_update), curves)
        seeds = len(curves[arms[0].name].updates)
        figure.suptitle(
            "Digits with a fifth of the labels wrong: a larger batch in place of a smaller rate\n"
            f"mean of {seeds} seed{'s' if seeds > 1 else ''}; at the end, bars from the least to "
            "the greatest",
            fontsize="medium",
        )
        legend_below(figure, by_epoch, 3)
        return figure


def _draw_arm(panels: Sequence[Axes], arm: Arm, found: Curves, place: int) -> None:
    by_epoch, by_update, rate, batch = panels
    style = {**STYLES[arm.name], "linewidth": 1.8, "label": arm.label}
    epochs = np.arange(1, found.updates.shape[1] + 1)
    updates = found.updates.mean(axis=0)
    # The ends of the arms stand beside each other, where they would hide each other.
    beside = 1.0 + 0.02 * (place + 1)
    for axes, at, end in (
        (by_epoch, epochs, epochs[-1] * beside),
        (by_update, updates, updates[-1] * beside),
    ):
        axes.plot(at, found.held_out_loss.mean(axis=0), **style)
        _draw_end(axes, float(end), found.held_out_loss[:, -1], style["color"])
    rate.plot(epochs, found.learning_rate.mean(axis=0), **style)
    batch.plot(epochs, found.batch_size.mean(axis=0), **style)


def _draw_end(axes: Axes, at: float, losses: np.ndarray, colour: str) -> None:
    mean = losses.mean()
    around = [[mean - losses.min()], [losses.max() - mean]]
    axes.errorbar([at], [mean], around, fmt="o", color=colour, markersize=4, capsize=3)


def _label(by_epoch: Axes, by_update: Axes, rate: Axes, batch: Axes) -> None:
    for axes in (by_epoch, by_update):
        axes.set_ylabel("held-out loss (nats)")
    rate.set_ylabel("learning rate")
    batch.set_ylabel("images an update")
    powers = FACTOR ** np.arange(round(np.log(LARGEST) / np.log(FACTOR)) + 1)
    for axes, levels in ((rate, RATE / powers), (batch, MICRO_BATCH * powers)):
        axes.set_yscale("log")
        axes.set_yticks(levels, [f"{level:.2g}" if level < 1 else f"{level}" for level in levels])
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", which="minor", length=0)
    for axes in (by_epoch, by_update, rate, batch):
        axes.set_xlabel("updates" if axes is by_update else "epoch")
        tidy(axes)


def _limit_losses(panels: Sequence[Axes], curves: Mapping[str, Curves]) -> None:
    """From the least mean to what is reached in the first tenth of the run."""
    losses = np.stack([found.held_out_loss for found in curves.values()])
    early = losses[..., : max(1, losses.shape[-1] // 10)]
    for axes in panels:
        axes.set_ylim(0.97 * float(losses.mean(axis=1).min()), float(np.median(early)))
