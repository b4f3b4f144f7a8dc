"""The figure: time of an update and bytes of state of every optimizer, for each model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.overhead.contenders import CONTENDERS, OURS
from experiments.overhead.measurement import Costs
from experiments.overhead.models import SUBJECTS
from experiments.overhead.tables import Found, spread_of
from experiments.style import COLOURS, FONTS, MARKERS, legend_below, plain_log, tidy

TIME = "time of an update, Adam's being 1"
STATE = "bytes of state beyond Adam's,\nin those of the parameters"


def draw(found: Found) -> Figure:
    """Draw a row for each optimizer and a mark for each model."""
    names = [name for name in CONTENDERS if any(name in of for of in found.values())]
    with rc_context(FONTS):
        figure = Figure(figsize=(12, 1.8 + 0.55 * len(names)), layout="constrained")
        time, state = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        between = 0.7 / len(found)
        for place, (subject, of_subject) in enumerate(found.items()):
            rows = np.arange(len(names)) + between * (place - (len(found) - 1) / 2)
            _draw_subject(time, state, rows, names, subject, of_subject, _style(place))
        time.set_xscale("log")
        plain_log(time, "x")
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


def _style(place: int) -> dict[str, Any]:
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place],
        "markersize": 5,
        "linestyle": "none",
    }


def _draw_subject(
    time: Axes,
    state: Axes,
    rows: np.ndarray,
    names: Sequence[str],
    subject: str,
    of_subject: Mapping[str, Costs],
    style: dict[str, Any],
) -> None:
    present = [place for place, name in enumerate(names) if name in of_subject]
    costs = [of_subject[names[place]] for place in present]
    middle, least, greatest = np.array([spread_of(cost) for cost in costs]).T
    label = SUBJECTS[subject].label
    around = [middle - least, greatest - middle]
    time.errorbar(middle, rows[present], xerr=around, label=label, elinewidth=1, **style)
    extra = [(cost.state_bytes - cost.bare_state_bytes) / cost.params_bytes for cost in costs]
    state.plot(extra, rows[present], **style)
