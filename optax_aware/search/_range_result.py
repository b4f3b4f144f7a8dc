"""What a learning-rate range test finds."""

import dataclasses
from typing import Literal

import numpy as np

from optax_aware.search._slope import CONFIDENCE, Slope, read_slope

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True, repr=False)
class RangeTest:
    """The curve of a range test and what it says; ``str`` of it is a short text.

    Attributes:
      rates: the learning rate of each step that was made.
      losses: the loss before the update of each step; not finite where a step was left out.
      smoothed: the losses without most of their noise, cut at the highest of the first ones;
        NaN at the end where all losses are above those.
      flat: the rates, from lowest to highest, at which the loss does not move yet; None where
        there are none, as for the next two.
      falling: those at which it falls.
      erratic: those from its lowest point on, where it swings or climbs.
      suggestion: the rate to train with, or None where the loss falls nowhere.
      interval: where it would lie without noise and smoothing, at least nine times out of ten;
        None without a suggestion.
      stopped: why the test ended: "at the end" of the range, "diverged", or "nonfinite".
      num_steps: how many steps were asked for.
      remarks: what a person should know before trusting it; often empty.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    flat: Interval | None
    falling: Interval | None
    erratic: Interval | None
    suggestion: float | None
    interval: Interval | None
    stopped: Literal["at the end", "diverged", "nonfinite"]
    num_steps: int
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        ending = {
            "at the end": "to the end",
            "diverged": "stopped where the loss diverged",
            "nonfinite": "stopped where the loss was not finite",
        }[self.stopped]
        lines = [
            f"range test: {len(self.rates)} of {self.num_steps} steps, rates "
            f"{_digits(self.rates[0])} to {_digits(self.rates[-1])}, {ending}"
        ]
        for name in ("flat", "falling", "erratic"):
            region: Interval | None = getattr(self, name)
            if region is not None:
                lines.append(f"{name:<12}{_digits(region[0])} to {_digits(region[1])}")
        if self.suggestion is None or self.interval is None:
            lines.append("suggestion  none")
        else:
            low, high = map(_digits, self.interval)
            lines.append(
                f"suggestion  {_digits(self.suggestion)} ({100 * CONFIDENCE:.0f} % of the time "
                f"{low} to {high})"
            )
        return "\n".join(lines + list(self.remarks))

    __repr__ = __str__


def read_curve(
    rates: np.ndarray,
    losses: np.ndarray,
    *,
    stopped: bool,
    spoilt: bool,
    num_steps: int,
    first_steps: int,
    smoothing_steps: float,
    descent_share: float,
) -> RangeTest:
    """Make the result of the losses that were seen at rising rates.

    Args:
      rates: the rates.
      losses: the loss at each of them.
      stopped: whether the run ended before the last rate.
      spoilt: whether it did because batch after batch was not finite.
      num_steps: the number of steps of the whole run.
      first_steps: how many of them tell where the loss begins.
      smoothing_steps: the reach of smoothing.
      descent_share: the share of the fall that lies behind at the suggested rate.
    """
    finite = np.isfinite(losses)
    ending = ("diverged" if finite[-1] else "nonfinite") if stopped else "at the end"
    if not finite.any():
        return RangeTest(
            rates,
            losses,
            np.full(len(losses), np.nan),
            None,
            None,
            None,
            None,
            None,
            "nonfinite",
            num_steps,
            (_SPOILT if spoilt else _NEVER_FINITE,),
        )
    places = _before_the_climb(losses, np.flatnonzero(finite), first_steps)
    seen = np.minimum(losses[places], losses[places[:first_steps]].max())
    slope = read_slope(seen, first_steps, smoothing_steps, descent_share)
    log_rates = np.log(rates[places])
    lowest, highest = float(rates[0]), float(rates[-1])

    def rate_at(place: float) -> float:
        between = np.exp(np.interp(place, np.arange(len(places)), log_rates))
        return min(max(float(between), lowest), highest)

    suggestion = interval = falling = None
    begins = turns = min(slope.climbs, len(places) - 1) if stopped else len(places) - 1
    if slope.falls:
        begins, turns = slope.first, slope.last
        falling = (rate_at(begins), rate_at(turns))
        suggestion = rate_at(slope.at)
        interval = (rate_at(slope.low), rate_at(slope.high))
    goes_on = places[int(turns)] < len(losses) - 1
    return RangeTest(
        rates=rates,
        losses=losses,
        smoothed=np.interp(np.arange(len(losses)), places, slope.smoothed, right=np.nan),
        flat=(lowest, rate_at(begins)) if begins > 0 else None,
        falling=falling,
        erratic=(rate_at(turns), highest) if goes_on else None,
        suggestion=suggestion,
        interval=interval,
        stopped=ending,
        num_steps=num_steps,
        remarks=_remarks(slope, ending, spoilt, len(places), first_steps, int(np.sum(~finite))),
    )


def _before_the_climb(losses: np.ndarray, places: np.ndarray, first_steps: int) -> np.ndarray:
    """Leave out the end if it lies above all of the first losses: a divergence.

    It would reach back through the smoothing, and move the lowest place.
    """
    low = np.flatnonzero(losses[places] <= losses[places[:first_steps]].max())
    return places[: int(low[-1]) + 1]


_NEVER_FINITE = "the loss is not finite at the first parameters: look at them, and at the data"
_SPOILT = "batches in a row that were not finite ended the test: look at the data"


def _remarks(
    slope: Slope, stopped: str, spoilt: bool, seen: int, first_steps: int, left_out: int
) -> tuple[str, ...]:
    found = []
    if spoilt:
        found.append(_SPOILT)
    elif slope.falls:
        if stopped == "at the end" and slope.settled > seen - first_steps:
            found.append("the loss still falls at the highest rate: raise max_rate")
        if slope.first < first_steps:
            found.append("the loss falls from the lowest rates on: lower min_rate")
    elif slope.last == 0:
        found.append("the loss is never lower than at the first step: lower min_rate")
    else:
        raising = "raise max_rate, " if stopped == "at the end" else ""
        found.append(
            "the loss does not fall, or not beyond its noise: "
            f"{raising}take larger batches or more steps"
        )
    if left_out:
        found.append(f"{left_out} of the losses were not finite")
    return tuple(found)


def _digits(rate: float) -> str:
    return f"{rate:.2g}"
