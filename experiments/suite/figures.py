"""The pictures of the report."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from experiments.plots import COLOURS, DASHES, MARKERS, PLAIN_NUMBERS
from experiments.suite.scores import Results, share_within
from experiments.suite.studies.study import BUDGETS
from experiments.suite.tables import OURS_ANYTIME, OURS_KNOWN, PARTS
from experiments.suite.tasks import TASKS

SHOWN = (
    OURS_KNOWN,
    OURS_ANYTIME,
    "constant averaged",
    "prodigy last+cosine",
    "dog averaged",
    "momo_adam averaged",
    "cocob averaged",
)
STARTERS = (
    "condition_based_started",
    "cosine",
    "greedy last+cosine",
    "reduce_on_plateau last+cosine",
    "prodigy last+cosine",
    "dog last+cosine",
    "mechanic last+cosine",
)
LABELS = {
    OURS_KNOWN: "condition-based, budget known",
    OURS_ANYTIME: "condition-based, anytime, averaged",
    "condition_based_started": "condition-based, handed the rate",
    "constant averaged": "constant, averaged (tuned)",
    "prodigy last+cosine": "Prodigy, cosine",
    "dog averaged": "DoG, averaged",
    "dog last+cosine": "DoG, cosine",
    "mechanic last+cosine": "Mechanic, cosine",
    "momo_adam averaged": "MoMo-Adam, averaged",
    "cocob averaged": "COCOB, averaged",
    "mechanic averaged": "Mechanic, averaged",
    "greedy last+cosine": "GreedyLR, cosine",
    "reduce_on_plateau last+cosine": "reduce on plateau, cosine",
    "schedule_free_adamw": "schedule-free AdamW (tuned)",
    "oracle": "oracle: the best tuned schedule",
}
FONTS: Any = {"font.size": 13, "legend.fontsize": 12, "axes.titlesize": 13}
LEAST_RATIO, LARGEST_RATIO = 0.5, 4.0
PANELS_A_ROW = 3
LOSS = "held-out loss"
SEARCHING = ("listening", "ramping")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG file."""
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=100)


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
        _tidy(axes)
        _legend_below(figure, axes, 2)
        return figure


def _dots(
    axes: Axes, results: Results, tasks: Sequence[str], name: str, offset: float, place: int
) -> None:
    style: dict[str, Any] = {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
        "ls": "",
    }
    axes.plot([], [], label=_label(name), ms=6, **style)
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


def draw_starts(results: Results) -> Figure | None:
    """Final loss against the starting rate over six decades, a panel a task."""
    tasks = [task for task in TASKS if results.of("start", task=task)]
    if not tasks:
        return None
    with rc_context(FONTS):
        figure, panels = _panels(len(tasks), 3.1)
        for axes, task in zip(panels, tasks, strict=False):
            rows = results.of("start", task=task)
            oracle = results.oracle(task)
            for place, name in enumerate(STARTERS):
                line = sorted((float(row.case), row.median) for row in rows if row.entrant == name)
                if line:
                    axes.plot(*zip(*line, strict=True), **_style(name, place))
            if oracle is not None:
                axes.axhline(oracle.median, color="black", linewidth=1, ls=":", label="oracle")
                axes.set_ylim(oracle.median / 1.6, _start(results, task) * 2)
            axes.set_title(task.replace("_", " "))
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xticks([1e-3, 1, 1e3])
            axes.set_xticks([1e-2, 1e-1, 10, 100], minor=True)
            axes.xaxis.set_minor_formatter(NullFormatter())
            _plain_log(axes)
            _tidy(axes)
        _label_panels(figure, panels, "starting rate / best", LOSS)
        figure.suptitle(
            "Final loss against the starting rate, from 1/1000 of the best to 1000 times it.\n"
            "Prodigy, DoG and Mechanic: their own first guess over its default. Medians over seeds."
        )
        _legend_below(figure, panels[0], 2)
        return figure


def draw_anytime(results: Results, part: str) -> Figure:
    """Loss along the run of those who know no budget, against the oracle of each budget."""
    tasks = results.tasks(part)
    names = (OURS_ANYTIME, "constant averaged", "dog averaged", "momo_adam averaged")
    with rc_context(FONTS):
        figure, panels = _panels(len(tasks), 2.6)
        for axes, task in zip(panels, tasks, strict=False):
            for place, name in enumerate(names):
                curve = results.curves.get((task, name))
                if curve is not None:
                    shares = np.arange(1, len(curve)) / (len(curve) - 1)
                    axes.plot(shares, curve[1:], **_style(name, place))
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
            _plain_log(axes)
            _tidy(axes)
        _label_panels(figure, panels, "share of the budget", LOSS)
        figure.suptitle(f"Loss at any time, {part} tasks: medians over seeds, floor taken off")
        _legend_below(figure, panels[0], 2)
        return figure


def draw_traces(results: Results, part: str) -> Figure | None:
    """Rate and condition against steps, one run of each task."""
    traces = results.traces
    tasks = [task for task in results.tasks(part) if (task, OURS_KNOWN) in traces]
    if not tasks:
        return None
    seen = sorted({row["condition"] for task in tasks for row in traces[task, OURS_KNOWN]})
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(seen)}
    with rc_context(FONTS):
        figure, panels = _panels(len(tasks), 2.6)
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
                    color=colours[name],
                    marker=MARKERS[seen.index(name) % len(MARKERS)],
                    ms=3,
                    ls="",
                    label=name.replace("_", " "),
                )
            axes.set_title(task.replace("_", " "))
            axes.set_yscale("log")
            highest = np.nanmax(rates) if np.isfinite(rates).any() else 1.0
            axes.set_ylim(highest / 1e5, highest * 3)
            _tidy(axes)
        _label_panels(figure, panels, "step (updates)", "learning rate")
        figure.suptitle(
            f"The rate that was found and the condition that was seen, {part} tasks\n"
            "(budget known, seed 0)"
        )
        _legend_below(figure, panels[0], 4)
        return figure


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
                    axes.step(factors, 100 * shares[name], **{**_style(name, place), "marker": ""})
            axes.set_title(f"{len(tasks)} {part} tasks")
            axes.set_xscale("log")
            axes.set_xticks([1, 1.25, 1.5, 2, 3, 4], ["1", "1.25", "1.5", "2", "3", "4"])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel("τ: within this factor of the best")
            axes.set_ylim(0, 101)
            _tidy(axes)
        figure.axes[0].set_ylabel("share of the tasks (%)")
        figure.suptitle("On how many tasks the final loss is within τ of the best one's")
        _legend_below(figure, figure.axes[0], 2)
        return figure


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    columns = min(PANELS_A_ROW, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(max(8.5, 3.4 * columns), 1.8 + height * rows), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).flat)
    for empty in panels[count:]:
        empty.set_visible(False)
    return figure, panels[:count]


def _label_panels(figure: Figure, panels: Sequence[Axes], below: str, beside: str) -> None:
    figure.supylabel(beside, fontsize="medium")
    for axes in panels[-PANELS_A_ROW:]:
        axes.set_xlabel(below)


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def _style(name: str, place: int) -> dict:
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 5,
        "linewidth": 2.4 if name.startswith(OURS_KNOWN) else 1.5,
        "label": _label(name),
    }


def _legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _plain_log(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    low, high = axes.get_ylim()
    if high / low < 30:
        axes.yaxis.set_minor_formatter(FuncFormatter(_few_minor))
        axes.tick_params(axis="y", which="minor", labelsize=9)
    else:
        axes.yaxis.set_minor_formatter(NullFormatter())


def _few_minor(value: float, _: int) -> str:
    leading = round(value / 10 ** math.floor(math.log10(value)))
    return f"{value:g}" if leading in (2, 5) else ""


def _tidy(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _start(results: Results, task: str) -> float:
    """The loss before the first update."""
    starts = [curve[0] for (name, _), curve in results.curves.items() if name == task]
    return starts[0] if starts else math.nan
