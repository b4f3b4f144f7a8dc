"""Reads a curve of losses against rising rates: where it is flat, falls and is erratic.

All of it is NumPy in float64: a few hundred numbers, after the run.
"""

from typing import NamedTuple

import numpy as np

FLAT_SHARE = 0.1
"""The share of the fall up to which the loss counts as flat."""
LEAST_SIGNIFICANCE = 4.0
"""Standard errors that a fall must have: in pure noise the lowest mean is so far down in at most
three runs of a thousand, with 20 steps or 200, whether noise is normal, skewed or heavy-tailed."""
SETTLED_SHARE = 0.98
"""The share of the fall after which nothing is left to fall."""
CONFIDENCE = 0.9
REPLICATES = 400
_AT_ONCE = 50  # replicates, so that long curves need little memory
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


class Smoother:
    """Means with weights exp(-distance / smoothing_steps), which sum to 1 at every place.

    Both sides count, so the smoothed curve lags behind nothing, and the weights are divided by
    their sum, so its ends are not drawn to zero. One sweep to each side does it, in time and
    memory proportional to the length.

    Attributes:
      own_weights: the weight that each place has in its own mean.
    """

    def __init__(self, length: int, smoothing_steps: float):
        self._smoothing_steps = smoothing_steps
        self._keep = np.exp(-1.0 / smoothing_steps)
        self.own_weights = 1.0 / self._sums(np.ones(length))

    def __call__(self, curves: np.ndarray) -> np.ndarray:
        """Return the means along the last axis."""
        return self._sums(curves) * self.own_weights

    def weights(self, place: int) -> np.ndarray:
        """Return the weights of all places in the mean at one of them."""
        distances = np.abs(np.arange(len(self.own_weights)) - place)
        return np.exp(-distances / self._smoothing_steps) * self.own_weights[place]

    def _sums(self, curves: np.ndarray) -> np.ndarray:
        # Places first: each of them is then one piece of memory.
        before, after = (np.array(curves.T, float, order="C") for _ in range(2))
        for place in range(1, len(before)):
            before[place] += self._keep * before[place - 1]
            after[-1 - place] += self._keep * after[-place]
        return (before + after).T - curves


def noise_variances(losses: np.ndarray) -> np.ndarray:
    """Return how noisy each loss is: the squared distance from the line of its neighbours.

    A fall, however steep, is nearly straight from step to step, so this takes no fall for
    noise, as residuals of a smoothed curve do. One distance may be small by chance: each is at
    least their mean over the whole curve.

    References:
      Gasser, Sroka and Jennen-Steinmetz, Residual Variance and Residual Pattern in Nonlinear
      Regression, 1986, doi:10.1093/biomet/73.3.625.
    """
    if len(losses) < 3:
        return np.full(len(losses), np.inf)
    inside = (losses[1:-1] - (losses[:-2] + losses[2:]) / 2.0) ** 2 / 1.5
    return np.maximum(np.pad(inside, 1, "edge"), inside.mean())


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
    smooth = Smoother(len(losses), smoothing_steps)
    first_steps = min(first_steps, len(losses))
    smoothed = smooth(losses)
    residuals = (losses - smoothed) / (1.0 - np.minimum(smooth.own_weights, 0.9))
    last = int(np.argmin(smoothed))
    level = losses[:first_steps].mean()
    fall = level - smoothed[last]
    weights = smooth.weights(last)
    # Residuals take a steep fall for noise, distances from neighbours take the mean noise for
    # that of calm places: each errs upwards, so the lesser is taken. Of a mean that is mostly
    # one loss, the residual says nothing.
    measures = [noise_variances(losses)]
    if weights[last] < 0.5:
        measures.append(residuals**2)
    error = min(
        np.sqrt(np.mean(squares[:first_steps]) / first_steps + np.sum(weights**2 * squares))
        for squares in measures
    )
    rounding = 16.0 * np.finfo(np.float32).eps * np.abs(losses).max()
    falls = bool(last > 0 and fall > max(LEAST_SIGNIFICANCE * error, rounding))
    below = np.flatnonzero(smoothed <= level)
    climbs = int(below[-1]) + 1 if len(below) else 0
    if not falls:
        return Slope(smoothed, False, np.nan, last, np.nan, climbs, np.nan, np.nan, np.nan)
    at = _crossing(smoothed, level, descent_share)
    again = smooth(smoothed)
    shift = _crossing(again, smoothed[:first_steps].mean(), descent_share) - at
    generator = np.random.default_rng(_SEED)
    places = []
    for _ in range(REPLICATES // _AT_ONCE):
        signs = generator.choice([-1.0, 1.0], (_AT_ONCE, len(losses)))
        replicates = smoothed + signs * residuals
        levels = replicates[:, :first_steps].mean(axis=1)
        places += [
            _crossing(curve, one, descent_share)
            for curve, one in zip(smooth(replicates), levels, strict=True)
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
