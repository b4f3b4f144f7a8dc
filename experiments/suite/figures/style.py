"""What all figures of the report have in common: names, lines and panels."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.style import COLOURS, DASHES, MARKERS
from experiments.suite.tables import OURS_ANYTIME, OURS_KNOWN

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
PANELS_A_ROW = 3


def grid_of_panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, each so many inches high."""
    columns = min(PANELS_A_ROW, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(max(8.5, 3.4 * columns), 1.8 + height * rows), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).flat)
    for empty in panels[count:]:
        empty.set_visible(False)
    return figure, panels[:count]


def label_panels(figure: Figure, panels: Sequence[Axes], below: str, beside: str) -> None:
    """Say what the axes of all panels are, once beside them and below the last row."""
    figure.supylabel(beside, fontsize="medium")
    for axes in panels[-PANELS_A_ROW:]:
        axes.set_xlabel(below)


def label_of(name: str) -> str:
    """What a person calls an entrant."""
    return LABELS.get(name, name.replace("_", " "))


def line_style(name: str, place: int) -> dict:
    """Colour, dashes, marker and label of an entrant; ours is thicker."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 5,
        "linewidth": 2.4 if name.startswith(OURS_KNOWN) else 1.5,
        "label": label_of(name),
    }
