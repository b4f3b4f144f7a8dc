"""Reads a curve of losses against rising rates: where it is flat, falls and is erratic.

All of it is NumPy in float64: a few hundred numbers, after the run.
"""

from typing import NamedTuple

import numpy as np

FLAT_SHARE = 0.1
"""The share of the fall up to which the loss counts as flat."""
LEAST_SIGNIFICANCE = 4.0
"""Standard errors that a fall must have: the lowest of a dozen independent means of pure noise
reaches that in less than one run of a thousand."""
SETTLED_SHARE = 0.98
"""The share of the fall after which nothing is left to fall."""
CONFIDENCE = 0.9
REPLICATES = 400
_SEED = 1506


class Slope(NamedTuple):
    """What a curve says, in places along it, which may lie between two steps.

    Attributes:
      smoothed: the losses without most of their noise.
      falls: whether the loss falls, beyond doubt.
      first: the place where it begins to fall; NaN, as the next three, where it does not.
      last: the place where it is lowest.
      settled: the place where nearly all of the fall is behind.
      climbs: the first place from which on it stays above the level of the beginning.
      at: the place that was asked for.
      low: the lower end of the interval of that place.
      high: the upper end.
    """

    smoothed: np.ndarray
    falls: bool
    first: float
    last: int
    settled: float
    climbs: int
    at: float
    low: float
    high: float


def smoothing_weights(length: int, smoothing_steps: float) -> np.ndarray:
    """Return weights exp(-distance / smoothing_steps), each row of which sums to 1.

    Both sides count, so the smoothed curve lags behind nothing, and rows are divided by their
    sum, so its ends are not drawn to zero.
    """
    places = np.arange(length)
    weights = np.exp(-np.abs(places[:, None] - places) / smoothing_steps)
    return weights / weights.sum(axis=1, keepdims=True)


def read_slope(
    losses: np.ndarray, first_steps: int, smoothing_steps: float, descent_share: float
) -> Slope:
    """Find the fall of a curve, and the place where ``descent_share`` of it is behind.

    Two things make that place uncertain. Noise: the residuals are put back on the smoothed
    curve with random signs, which keeps their size at each rate, and the place is looked for
    again (the wild bootstrap). Smoothing: smoothing once more moves the place about as far as
    smoothing has moved it. The interval reaches equally far to both sides: what moves the
    place one way in the replicates has moved the place itself as well.

    Args:
      losses: finite losses, at least one.
      first_steps: the number of losses that tell the level at the beginning.
      smoothing_steps: how far smoothing reaches.
      descent_share: the share of the fall.

    References:
      Wu, Jackknife, Bootstrap and Other Resampling Methods in Regression Analysis, 1986,
      doi:10.1214/aos/1176350142 (the wild bootstrap).
    """
    weights = smoothing_weights(len(losses), smoothing_steps)
    first_steps = min(first_steps, len(losses))
    smoothed = weights @ losses
    leverage = np.minimum(np.diag(weights), 0.9)
    residuals = (losses - smoothed) / (1.0 - leverage)
    last = int(np.argmin(smoothed))
    level = losses[:first_steps].mean()
    fall = level - smoothed[last]
    error = np.sqrt(
        np.mean(residuals[:first_steps] ** 2) / first_steps
        + np.sum((weights[last] * residuals) ** 2)
    )
    rounding = 16.0 * np.finfo(np.float32).eps * np.abs(losses).max()
    falls = bool(last > 0 and fall > max(LEAST_SIGNIFICANCE * error, rounding))
    below = np.flatnonzero(smoothed <= level)
    climbs = int(below[-1]) + 1 if len(below) else 0
    if not falls:
        return Slope(smoothed, False, np.nan, last, np.nan, climbs, np.nan, np.nan, np.nan)
    at = _crossing(smoothed, level, descent_share)
    again = weights @ smoothed
    shift = _crossing(again, smoothed[:first_steps].mean(), descent_share) - at
    signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], (REPLICATES, len(losses)))
    replicates = smoothed + signs * residuals
    places = [
        _crossing(curve, one[:first_steps].mean(), descent_share)
        for curve, one in zip(replicates @ weights.T, replicates, strict=True)
    ]
    noise = np.quantile(places, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) - (at + shift)
    reach = np.abs(noise).max() + abs(shift)
    return Slope(
        smoothed=smoothed,
        falls=True,
        first=_crossing(smoothed, level, FLAT_SHARE),
        last=last,
        settled=_crossing(smoothed, level, SETTLED_SHARE),
        climbs=climbs,
        at=at,
        low=max(0.0, at - reach),
        high=min(len(losses) - 1.0, at + reach),
    )


def _crossing(smoothed: np.ndarray, level: float, share: float) -> float:
    """Return the place where the curve comes down through a share of its fall for good.

    It is looked for backwards from the lowest place, and lies between two steps.
    """
    last = int(np.argmin(smoothed))
    wanted = level - share * (level - smoothed[last])
    above = np.flatnonzero(smoothed[: last + 1] > wanted)
    if len(above) == 0:
        return 0.0
    before = int(above[-1])
    if before == last:
        return float(last)
    step_down = smoothed[before] - smoothed[before + 1]
    return before + float((smoothed[before] - wanted) / step_down)
