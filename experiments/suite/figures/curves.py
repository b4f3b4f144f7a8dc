"""Against starting rates and against steps, a panel for each task."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from experiments.style import COLOURS, FONTS, MARKERS, legend_below, plain_log, tidy
from experiments.suite.figures.style import (
    grid_of_panels,
    label_panels,
    line_style,
)
from experiments.suite.results import Results
from experiments.suite.studies.study import BUDGETS
from experiments.suite.tables import OURS_ANYTIME, OURS_KNOWN
from experiments.suite.tasks import TASKS

STARTERS = (
    "condition_based_started",
    "cosine",
    "greedy last+cosine",
    "reduce_on_plateau last+cosine",
    "prodigy last+cosine",
    "dog last+cosine",
    "mechanic last+cosine",
)
# One for each of three inner optimizers: plain gradient descent, Adam and RMSProp.
IN_SHORT = ("digits_mlp", "digits_mlp_adam", "friedman")
LOSS = "held-out loss"
_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY, _BLACK = COLOURS
CONDITION_COLOURS = {
    "listening": "0.5",
    "ramping": _SKY,
    "descending": _GREEN,
    "noise_limited": "#7F5F00",
    "flat": _ORANGE,
    "rising": _VERMILION,
    "oscillating": _PURPLE,
    "diverging": _VERMILION,
    "drifted": _PURPLE,
    "spike": _BLACK,
    "nonfinite": _BLACK,
    "cooling": _BLUE,
    "done": _BLUE,
}


def draw_starts(results: Results, among: Sequence[str] = tuple(TASKS)) -> Figure | None:
    """Final loss against the starting rate over six decades, a panel for each of these tasks."""
    tasks = [task for task in among if results.of("start", task=task)]
    if not tasks:
        return None
    with rc_context(FONTS):
        figure, panels = grid_of_panels(len(tasks), 3.1)
        for axes, task in zip(panels, tasks, strict=False):
            rows = results.of("start", task=task)
            oracle = results.oracle(task)
            for place, name in enumerate(STARTERS):
                line = sorted((float(row.case), row.median) for row in rows if row.entrant == name)
                if line:
                    axes.plot(*zip(*line, strict=True), **line_style(name, place))
            if oracle is not None:
                axes.axhline(oracle.median, color="black", linewidth=1, ls=":", label="oracle")
                axes.set_ylim(oracle.median / 1.6, _start(results, task) * 2)
            axes.set_title(task.replace("_", " "))
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xticks([1e-3, 1, 1e3])
            axes.set_xticks([1e-2, 1e-1, 10, 100], minor=True)
            axes.xaxis.set_minor_formatter(NullFormatter())
            plain_log(axes)
            tidy(axes)
        label_panels(figure, panels, "starting rate / best", LOSS)
        figure.suptitle(
            "Final loss against the starting rate, from 1/1000 of the best to 1000 times it.\n"
            "Prodigy, DoG and Mechanic: their own first guess over its default. Medians over seeds."
        )
        legend_below(figure, panels[0], 2)
        return figure


def draw_anytime(results: Results, part: str) -> Figure:
    """Loss along the run of those who know no budget, against the oracle of each budget."""
    tasks = results.tasks(part)
    names = (OURS_ANYTIME, "constant averaged", "dog averaged", "momo_adam averaged")
    with rc_context(FONTS):
        figure, panels = grid_of_panels(len(tasks), 2.6)
        for axes, task in zip(panels, tasks, strict=False):
            for place, name in enumerate(names):
                curve = results.curves.get((task, name))
                if curve is not None:
                    shares = np.arange(1, len(curve)) / (len(curve) - 1)
                    axes.plot(shares, curve[1:], **line_style(name, place))
            oracles = [results.oracle(task, budget) for budget in BUDGETS]
            losses = [oracle.median if oracle else math.nan for oracle in oracles]
            label = "best schedule tuned for that budget"
            axes.plot(BUDGETS, losses, color="black", marker="*", ms=11, ls="", label=label)
            axes.set_title(task.replace("_", " "))
            axes.set_yscale("log")
            finite = [loss for loss in losses if math.isfinite(loss)]
            if finite:
                axes.set_ylim(min(finite) / 1.3, max(finite) * 3)
            axes.set_xticks([0, 0.5, 1])
            plain_log(axes)
            tidy(axes)
        label_panels(figure, panels, "share of the budget", LOSS)
        figure.suptitle(f"Loss at any time, {part} tasks: medians over seeds, floor taken off")
        legend_below(figure, panels[0], 2)
        return figure


def draw_traces(results: Results, part: str) -> Figure | None:
    """Rate and condition against steps, one run of each task."""
    traces = results.traces
    tasks = [task for task in results.tasks(part) if (task, OURS_KNOWN) in traces]
    if not tasks:
        return None
    seen = sorted({row["condition"] for task in tasks for row in traces[task, OURS_KNOWN]})
    with rc_context(FONTS):
        figure, panels = grid_of_panels(len(tasks), 2.6)
        for axes, task in zip(panels, tasks, strict=False):
            rows = traces[task, OURS_KNOWN]
            steps = [int(row["step"]) for row in rows]
            rates = [float(row["rate"]) or math.nan for row in rows]
            axes.plot(steps, rates, color="0.7", linewidth=1)
            for name in seen:
                points = [
                    (step, rate)
                    for step, rate, row in zip(steps, rates, rows, strict=True)
                    if row["condition"] == name
                ]
                axes.plot(
                    *(zip(*points, strict=True) if points else ([], [])),
                    color=CONDITION_COLOURS[name],
                    marker=MARKERS[seen.index(name) % len(MARKERS)],
                    ms=3,
                    ls="",
                    label=name.replace("_", " "),
                )
            axes.set_title(task.replace("_", " "))
            axes.set_yscale("log")
            highest = np.nanmax(rates) if np.isfinite(rates).any() else 1.0
            axes.set_ylim(highest / 1e5, highest * 3)
            tidy(axes)
        label_panels(figure, panels, "step (updates)", "learning rate")
        figure.suptitle(
            f"The rate that was found and the condition that was seen, {part} tasks\n"
            "(budget known, seed 0)"
        )
        legend_below(figure, panels[0], 4)
        return figure


def _start(results: Results, task: str) -> float:
    """The loss before the first update."""
    starts = [curve[0] for (name, _), curve in results.curves.items() if name == task]
    return starts[0] if starts else math.nan
