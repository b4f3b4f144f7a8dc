"""Gradient accumulation as a list that is filled and emptied, in float64 and fractions."""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple


class Window(NamedTuple):
    """What the optimizer is handed: means of one window; None where nothing was usable."""

    gradient: list[float] | None
    value: float | None


def accumulate(
    micro_batches: Sequence[tuple[Sequence[float], float, float]],
    length_of: Callable[[int], int],
) -> Iterator[tuple[Window | None, int]]:
    """Yield for each micro-batch the window that it completes, if any, and how many were bad.

    A micro-batch is its gradient, its loss and its weight; ``length_of`` maps the number of
    windows so far to the length of the next one.
    """
    window, windows, bad = [], 0, 0
    for gradient, value, weight in micro_batches:
        numbers = [*gradient, weight] if weight == 0 else [*gradient, value, weight]
        usable = all(math.isfinite(number) for number in numbers) and weight >= 0
        bad += not usable
        window.append((gradient, value, weight) if usable else None)
        if len(window) < length_of(windows):
            yield None, bad
            continue
        yield mean_of([entry for entry in window if entry is not None]), bad
        window, windows = [], windows + 1


def mean_of(entries: Sequence[tuple[Sequence[float], float, float]]) -> Window:
    """Return the weighted means, each as one exactly rounded sum."""
    entries = [entry for entry in entries if entry[2] > 0]
    total = math.fsum(weight for _, _, weight in entries)
    if not entries or total == 0:
        return Window(None, None)
    gradient = [
        math.fsum(weight * gradient[place] for gradient, _, weight in entries) / total
        for place in range(len(entries[0][0]))
    ]
    return Window(gradient, math.fsum(weight * value for _, value, weight in entries) / total)


ROUNDING = Fraction(1, 2**16)
"""A scale that has been rounded a few times shall not cost one more micro-batch."""


def length(every: int, scale: Fraction, max_length: int) -> tuple[int, float]:
    """Return how many micro-batches stand in for a scale, and what is left for the rate."""
    wanted = Fraction(every) / scale
    forgiven = 0 if scale == 1 else min(wanted * ROUNDING, Fraction(1, 2))
    number = math.ceil(wanted - forgiven)
    if number <= max_length:
        return number, 1.0
    return max_length, float(max_length / wanted)
