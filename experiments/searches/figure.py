"""The figure of range tests against tuned rates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from experiments.style import COLOURS, FONTS, MARKERS, legend_below, tidy

if TYPE_CHECKING:
    from experiments.searches.agreement import Row

LEAST_RATIO, LARGEST_RATIO = 0.01, 100.0


def draw_agreement(rows: Sequence["Row"], share: float, factor: float) -> Figure:
    """For every task the suggestions of all seeds over the tuned rate, with their intervals."""
    rows = [row for row in rows if row.descent_share == share]
    tasks = sorted({row.task for row in rows})
    place = {task: number for number, task in enumerate(tasks)}
    offsets = np.linspace(-0.25, 0.25, 1 + max(row.seed for row in rows))
    with rc_context(FONTS):
        figure = Figure(figsize=(9, 2.2 + 0.3 * len(tasks)), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(1 / factor, factor, color="black", alpha=0.1, linewidth=0)
        axes.axvline(1.0, color="black", linewidth=1)
        for number, half in enumerate(("first", "second")):
            mine = [row for row in rows if row.half == half and not np.isnan(row.ratio)]
            if not mine:
                continue
            ratios = np.array([row.ratio for row in mine])
            reach = np.array(
                [
                    [row.suggestion - row.low for row in mine],
                    [row.high - row.suggestion for row in mine],
                ]
            ) / np.array([row.tuned_rate for row in mine])
            style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number]}
            axes.errorbar(
                ratios,
                [place[row.task] + offsets[row.seed] for row in mine],
                xerr=np.maximum(reach, 0.0),
                linestyle="none",
                markersize=4,
                elinewidth=1,
                label=f"{half} half of the tasks",
                **style,
            )
        for task in tasks:
            lost = sum(row.task == task and bool(np.isnan(row.ratio)) for row in rows)
            if lost:
                axes.text(
                    LARGEST_RATIO / 1.1, place[task], f"none: {lost}", ha="right", va="center"
                )
        axes.set_yticks(range(len(tasks)), [task.replace("_", " ") for task in tasks])
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.set_xlim(LEAST_RATIO, LARGEST_RATIO)
        ticks = [0.01, 1 / 10, 1 / factor, 1, factor, 10, 100]
        axes.set_xticks(ticks, [f"{round(tick, 2):g}" for tick in ticks])
        axes.set_xlabel("suggested rate over the peak rate of the best tuned schedule")
        figure.suptitle(
            f"Range tests of 200 steps; grey: within a factor of {factor:g}", fontsize="medium"
        )
        tidy(axes)
        legend_below(figure, axes, 2)
        return figure
