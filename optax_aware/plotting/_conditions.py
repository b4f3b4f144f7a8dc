"""How conditions look: a colour each, and a hatch where two share a colour."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from optax_aware._types import Condition
from optax_aware.plotting._style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
)


class Look(NamedTuple):
    """A colour, and a hatch that tells it from others of the same colour."""

    colour: str
    hatch: str = ""


LOOKS: dict[Condition, Look] = {
    Condition.STEADY: Look(GREY),
    Condition.LISTENING: Look(GREY, "...."),
    Condition.RAMPING: Look(SKY),
    Condition.DESCENDING: Look(GREEN),
    Condition.NOISE_LIMITED: Look(YELLOW),
    Condition.FLAT: Look(ORANGE),
    Condition.RISING: Look(VERMILION),
    Condition.OSCILLATING: Look(PURPLE),
    Condition.SPIKE: Look(VERMILION, "////"),
    Condition.DIVERGING: Look(VERMILION, "xxxx"),
    Condition.NONFINITE: Look(BLACK),
    Condition.DRIFTED: Look(PURPLE, "////"),
    Condition.COOLING: Look(BLUE),
    Condition.DONE: Look(BLUE, "...."),
}
_ALPHA = 0.3


def draw_bands(ax: Axes, steps: np.ndarray, conditions: np.ndarray) -> list[Patch]:
    """Colour the background by condition, and return what a legend needs, in order of time.

    A band reaches from the step at which the condition is first seen to the one at which
    another is. Each condition is one collection.
    """
    if len(steps) == 0:
        return []
    changes = np.flatnonzero(np.diff(conditions)) + 1
    edges = [0, *changes.tolist(), len(steps)]
    ends = np.append(steps, steps[-1] + 1.0)
    spans: dict[int, list[tuple[float, float]]] = {}
    for first, after in pairwise(edges):
        begin = float(ends[first])
        spans.setdefault(int(conditions[first]), []).append((begin, float(ends[after]) - begin))
    patches = []
    for number, places in spans.items():
        condition = Condition(number)
        look = LOOKS[condition]
        style = {
            "facecolor": look.colour,
            "edgecolor": look.colour if look.hatch else "none",
            "hatch": look.hatch,
            "alpha": _ALPHA,
            "linewidth": 0.0,
        }
        label = condition.name.lower().replace("_", " ")
        ax.broken_barh(
            places, (0.0, 1.0), transform=ax.get_xaxis_transform(), label=label, zorder=0.5, **style
        )
        patches.append(Patch(label=label, **style))
    return patches
