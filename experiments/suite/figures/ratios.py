"""How far from the oracle: on each task, and on how many tasks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from experiments.style import COLOURS, FONTS, MARKERS, legend_below, tidy
from experiments.suite.figures.style import label_of, line_style
from experiments.suite.results import Results
from experiments.suite.scores import share_within
from experiments.suite.tables import OURS_ANYTIME, OURS_KNOWN, PARTS

SHOWN = (
    OURS_KNOWN,
    OURS_ANYTIME,
    "constant averaged",
    "prodigy last+cosine",
    "dog averaged",
    "momo_adam averaged",
    "cocob averaged",
)
LEAST_RATIO, LARGEST_RATIO = 0.5, 4.0


def draw_ratios(results: Results, part: str) -> Figure:
    """For every task the final losses over the oracle's: dots, and bars over paired seeds."""
    tasks = results.tasks(part)
    ratios = results.ratios()
    shown = [name for name in SHOWN if name in ratios]
    with rc_context(FONTS):
        figure = Figure(figsize=(10, 2.6 + 0.42 * len(tasks)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(1.0, color="black", linewidth=1)
        for place, name in enumerate(shown):
            offset = (place - (len(shown) - 1) / 2) * 0.75 / len(shown)
            _dots(axes, results, tasks, name, offset, place)
        for row in range(0, len(tasks), 2):
            axes.axhspan(row - 0.5, row + 0.5, color="black", alpha=0.05, linewidth=0)
        axes.set_yticks(range(len(tasks)), [task.replace("_", " ") for task in tasks])
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_xscale("log")
        ticks = [0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(LEAST_RATIO / 1.04, LARGEST_RATIO * 1.04)
        axes.set_xlabel("final held-out loss over that of the best tuned schedule (log scale)")
        figure.suptitle(
            f"The {part} tasks: medians over seeds, bars from quartile to quartile of the\n"
            f"ratios of equal seeds. Arrows: at most {LEAST_RATIO:g}, at least "
            f"{LARGEST_RATIO:g} or failed",
            fontsize="medium",
        )
        tidy(axes)
        legend_below(figure, axes, 2)
        return figure


def _dots(
    axes: Axes, results: Results, tasks: Sequence[str], name: str, offset: float, place: int
) -> None:
    style: dict[str, Any] = {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
        "ls": "",
    }
    axes.plot([], [], label=label_of(name), ms=6, **style)
    for height, task in enumerate(tasks):
        rows = [row for row in results.of("final", task=task, budget=1.0) if row.entrant == name]
        oracle = results.oracle(task)
        if not rows or oracle is None:
            continue
        ratio = rows[0].median / oracle.median
        at = height + offset
        if LEAST_RATIO < ratio < LARGEST_RATIO:
            low, high = np.clip(rows[0].paired, LEAST_RATIO, LARGEST_RATIO)
            axes.hlines(at, low, high, color=style["color"], linewidth=1.2)
            axes.plot(ratio, at, ms=6, **style)
        elif ratio <= LEAST_RATIO:
            axes.plot(LEAST_RATIO, at, ms=8, **{**style, "marker": "<"})
        else:
            axes.plot(LARGEST_RATIO, at, ms=8, **{**style, "marker": ">"})


def draw_shares(results: Results) -> Figure:
    """The share of tasks on which an entrant is within a factor of the best entrant."""
    factors = np.geomspace(1.0, LARGEST_RATIO, 200)
    ratios = results.ratios()
    shown = [name for name in (*SHOWN, "mechanic averaged") if name in ratios]
    with rc_context(FONTS):
        figure = Figure(figsize=(10.5, 6.2), layout="constrained")
        for axes, part in zip(
            np.atleast_1d(figure.subplots(1, 2, sharey=True)), PARTS, strict=True
        ):
            tasks = results.tasks(part)
            if tasks:
                entrants = {name: ratios[name] for name in shown}
                oracle = dict.fromkeys(tasks, 1.0)
                shares = share_within({**entrants, "oracle": oracle}, tasks, factors)
                for place, name in enumerate([*shown, "oracle"]):
                    axes.step(
                        factors, 100 * shares[name], **{**line_style(name, place), "marker": ""}
                    )
            axes.set_title(f"{len(tasks)} {part} tasks")
            axes.set_xscale("log")
            axes.set_xticks([1, 1.25, 1.5, 2, 3, 4], ["1", "1.25", "1.5", "2", "3", "4"])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel("τ: within this factor of the best")
            axes.set_ylim(0, 101)
            tidy(axes)
        figure.axes[0].set_ylabel("share of the tasks (%)")
        figure.suptitle("On how many tasks the final loss is within τ of the best one's")
        legend_below(figure, figure.axes[0], 2)
        return figure
