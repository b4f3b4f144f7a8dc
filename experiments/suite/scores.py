"""Ratios in one number: their mean, the worst of them, and how many are near the best."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np


def geometric_mean(ratios: Iterable[float]) -> float:
    """The geometric mean of positive numbers; infinite where one of them is, or is not a number."""
    ratios = list(ratios)
    if not all(math.isfinite(ratio) for ratio in ratios):
        return math.inf
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def worst(ratios: Iterable[float]) -> float:
    """The largest; infinite where one is not a number."""
    return max(ratio if not math.isnan(ratio) else math.inf for ratio in ratios)


def share_within(
    ratios: Mapping[str, Mapping[str, float]], tasks: Sequence[str], factors: np.ndarray
) -> dict[str, np.ndarray]:
    """For every entrant the share of the tasks on which it is within each factor of the best.

    Best is the best of the entrants; one that did not run on a task is not within any factor.
    This is the performance profile of Dolan and More, Benchmarking optimization software with
    performance profiles, 2002, doi:10.1007/s101070100263, of final losses instead of times.
    """
    best = {task: min(entrant.get(task, math.inf) for entrant in ratios.values()) for task in tasks}
    return {
        name: np.array(
            [
                np.mean([of.get(task, math.inf) <= factor * best[task] for task in tasks])
                for factor in factors
            ]
        )
        for name, of in ratios.items()
    }
