"""Searches a grid of peak rates, which grows as long as the best rate lies at one of its edges."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.rates import peak_at, place_of
from experiments.suite.training import Disturbance, Setting

PLACES_AT_ONCE = 3
LOWEST, HIGHEST = -16, 10
VARIANTS = ("last", "averaged")


class Best(NamedTuple):
    """The best peak rate of one shape.

    Attributes:
      rate: the peak.
      losses: held-out losses at this rate, shape (seeds, marks).
    """

    rate: float
    losses: np.ndarray


def search(
    bench: Bench,
    shapes: Sequence[str],
    steps: int,
    near: float,
    make: Callable[[str, float], Setting] | None = None,
    disturbance: Disturbance | None = None,
) -> dict[tuple[str, str], Best]:
    """The best rate of every shape for the last parameters and for the averaged ones.

    Best is the least median over seeds of the held-out loss at the end, a loss that is not
    finite counting as infinite. The grid has two rates a decade. It begins with three around
    ``near`` and is extended by three as long as any of the bests lies at an edge.

    Args:
      bench: the contender on its task; three times the shapes are trained at once.
      shapes: the schedules.
      steps: the length of the runs.
      near: the rate to begin at.
      make: makes the setting of a shape and a peak; `Bench.setting` if not given.
      disturbance: what happens from outside.
    """
    setting = make or functools.partial(_plain, bench, steps)
    found: dict[tuple[str, str, int], np.ndarray] = {}
    centre = place_of(near)
    lowest, highest = centre - 1, centre + 1
    places = list(range(lowest, highest + 1))
    while places:
        settings = [setting(shape, peak_at(place)) for shape in shapes for place in places]
        outcome = bench.run(settings, steps, disturbance)
        for at, (shape, place) in enumerate((s, p) for s in shapes for p in places):
            found[shape, "last", place] = outcome.held_out[at]
            found[shape, "averaged", place] = outcome.averaged[at]
        bests = {
            min(range(lowest, highest + 1), key=lambda place: _score(found[(*one, place)]))
            for one in ((shape, variant) for shape in shapes for variant in VARIANTS)
        }
        if lowest in bests and lowest > LOWEST:
            places = list(range(lowest - PLACES_AT_ONCE, lowest))
        elif highest in bests and highest < HIGHEST:
            places = list(range(highest + 1, highest + 1 + PLACES_AT_ONCE))
        else:
            places = []
        lowest, highest = min([lowest, *places]), max([highest, *places])
    return {
        (shape, variant): _best(shape, variant, found) for shape in shapes for variant in VARIANTS
    }


def _plain(bench: Bench, steps: int, shape: str, peak: float) -> Setting:
    return bench.setting(shape, peak, steps)


def _best(shape: str, variant: str, found: dict[tuple[str, str, int], np.ndarray]) -> Best:
    places = [place for s, v, place in found if (s, v) == (shape, variant)]
    place = min(places, key=lambda place: _score(found[shape, variant, place]))
    return Best(peak_at(place), found[shape, variant, place])


def _score(losses: np.ndarray) -> float:
    return median(losses[:, -1])


def median(losses: np.ndarray | Sequence[float]) -> float:
    """The median over seeds; a loss that is not a number counts as infinite."""
    losses = np.asarray(losses, float)
    return float(np.median(np.where(np.isnan(losses), np.inf, losses)))
