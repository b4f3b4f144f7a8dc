"""The figure: time of an update and bytes of state of every optimizer, for each model."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.overhead.contenders import CONTENDERS, OURS
from experiments.overhead.measurement import Costs
from experiments.overhead.models import SUBJECTS
from experiments.overhead.tables import Found
from experiments.style import COLOURS, FONTS, MARKERS, PLAIN_NUMBERS, legend_below, tidy

TIME = "time of an update, Adam's being 1"
STATE = "bytes of state beyond Adam's,\nin those of the parameters"


def draw(found: Found) -> Figure:
    """Draw a row for each optimizer and a mark for each model."""
    names = [name for name in CONTENDERS if any(name in of for of in found.values())]
    with rc_context(FONTS):
        figure = Figure(figsize=(12, 1.8 + 0.55 * len(names)), layout="constrained")
        time, state = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for place, (subject, of_subject) in enumerate(found.items()):
            _draw_subject(time, state, names, place, subject, of_subject)
        time.set_xscale("log")
        time.xaxis.set_major_formatter(PLAIN_NUMBERS)
        time.set_xlabel(TIME)
        state.set_xlabel(STATE)
        time.set_yticks(range(len(names)), names)
        for label, name in zip(time.get_yticklabels(), names, strict=True):
            label.set_fontweight("bold" if CONTENDERS[name].kind == OURS else "normal")
        time.set_ylim(len(names) - 0.5, -0.5)
        for axes, neutral in ((time, 1.0), (state, 0.0)):
            axes.axvline(neutral, color="grey", linewidth=1)
            tidy(axes)
        figure.suptitle("What an optimizer costs beside Adam; bars from the least to the greatest")
        legend_below(figure, time, 2)
        return figure


def _draw_subject(
    time: Axes,
    state: Axes,
    names: list[str],
    place: int,
    subject: str,
    of_subject: Mapping[str, Costs],
) -> None:
    present = [name for name in names if name in of_subject]
    rows = np.array([names.index(name) for name in present]) + 0.09 * (place - 3)
    ratios = [of_subject[name].time_ratios for name in present]
    middle = np.array([np.median(ratio) for ratio in ratios])
    around = [
        middle - np.array([ratio.min() for ratio in ratios]),
        np.array([ratio.max() for ratio in ratios]) - middle,
    ]
    style = {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place],
        "markersize": 5,
        "linestyle": "none",
    }
    label = SUBJECTS[subject].label
    time.errorbar(middle, rows, xerr=around, label=label, elinewidth=1, **style)
    extra = [of_subject[name].extra_bytes / of_subject[name].params_bytes for name in present]
    state.plot(extra, rows, **style)
