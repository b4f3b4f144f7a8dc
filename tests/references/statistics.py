"""Slow, readable versions of the statistics of noisy streams: loops over Python floats.

Each takes a list of finite values and returns one tuple of estimates a value. Written from
the formulas, not from the library.
"""

import math

import numpy as np

LARGEST = float(np.finfo(np.float32).max)
EPSILON = float(np.finfo(np.float32).eps)


def _with_gain(weights, gain):
    """The weights of the values in a running mean once another is taken in with ``gain``."""
    return np.append(weights * (1 - gain), gain)


def _inflation(target, concentration):
    """The variance inflation f in V = s^2 (1 - q f), d = 2 s^2 (1 - r), f = (1 + r)/(1 - r).

    ``target`` is V / (d / 2) = (1 - q f) / (1 - r); found by bisection over r.
    """

    def explained(correlation):
        inflation = (1 + correlation) / (1 - correlation)
        return (1 - concentration * inflation) / (1 - correlation)

    low, high = 0.0, 0.99
    # Where the right side is largest: 1 / (1 - r) = (1 + q) / 4q.
    peak = (1 + concentration) / (4 * concentration)
    if peak <= 1:
        return 1.0
    high = min(high, 1 - 1 / peak)
    if explained(high) <= target:
        low = high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if explained(middle) < target else (low, middle)
    return (1 + low) / (1 - low)


class GrowingMean:
    """The mean of a window that grows, from the weights of all values at every step."""

    def __init__(self, fraction=0.15, minimum=10):
        self.fraction, self.minimum = fraction, minimum
        self.values, self.weights, self.difference_weights = [], np.zeros(0), np.zeros(0)

    def take(self, value):
        """Take a value in."""
        seen = len(self.values)
        self.values.append(float(value))
        gain = 1 / (self.minimum + self.fraction * seen)
        self.weights = _with_gain(self.weights, max(gain, 1 / (seen + 1)))
        if seen > 0:
            self.difference_weights = _with_gain(self.difference_weights, max(gain, 1 / seen))

    def mean(self):
        """The mean, 0 before the first value."""
        return float(np.sum(self.weights * np.asarray(self.values)))

    def estimate(self):
        """(mean, standard_error, score)."""
        window, weights, mean = np.asarray(self.values), self.weights, self.mean()
        if len(window) == 0:
            return mean, math.inf, 0.0
        concentration = np.sum(weights**2)
        if concentration >= 1:
            return mean, math.inf, 0.0
        scale = np.ptp(window)
        if scale == 0:
            return mean, 0.0, math.copysign(1e6, mean) * (mean != 0)
        deviation = np.sum(weights * ((window - mean) / scale) ** 2)
        difference = np.sum(self.difference_weights * (np.diff(window) / scale) ** 2)
        target = deviation / (difference / 2) if difference > 0 else math.inf
        inflation = _inflation(target, concentration)
        variance = deviation / (1 - concentration * inflation)
        error = scale * math.sqrt(variance * concentration * inflation)
        return mean, error, float(np.clip(mean / error, -1e6, 1e6))


def growing_mean(values, *, fraction=0.15, minimum=10):
    """(mean, standard_error, score)."""
    window, estimates = GrowingMean(fraction, minimum), []
    for value in values:
        window.take(value)
        estimates.append(window.estimate())
    return np.array(estimates)


class UpwardChange:
    """A cumulative sum of values in units of their root mean square."""

    def __init__(self, threshold=2.5, allowance=0.1, decay=0.9):
        self.threshold, self.allowance, self.decay = threshold, allowance, decay
        self.square, self.score, self.age = 0.0, 0.0, 0

    def take(self, value):
        """Take a value in and return (score, steps_since_zero, alarm)."""
        if self.square > 0:
            self.square = self.decay * self.square + (1 - self.decay) * value**2
        else:
            self.square = value**2
        normalised = value / math.sqrt(self.square) if self.square > 0 else 0.0
        self.score = max(0.0, self.score + normalised - self.allowance)
        self.age = self.age + 1 if self.score > 0 else 0
        return self.score, self.age, self.score > self.threshold


def upward_change(values, *, threshold=2.5, allowance=0.1, decay=0.9):
    """(score, steps_since_zero, alarm)."""
    change = UpwardChange(threshold, allowance, decay)
    return np.array([change.take(float(value)) for value in values], np.float64)


class RobustLevel:
    """A running mean, and the running mean of the distances from it."""

    def __init__(self, decay=0.9, deviation_decay=0.95):
        self.decay, self.deviation_decay = decay, deviation_decay
        self.seen, self.level, self.deviation = 0, 0.0, 0.0

    def announce(self, value):
        """(level, deviation, excess) of a value that is not taken in yet."""
        if self.seen == 0:
            return value, 0.0, 0.0
        excess = float(np.clip(value - self.level, -LARGEST, LARGEST))
        return self.level, max(self.deviation, 4 * EPSILON * abs(self.level)), excess

    def take(self, value):
        """Take a value in and return what was announced for it."""
        announced = self.announce(value)
        if self.seen == 0:
            self.level = value
        else:
            distance = abs(announced[2])
            self.level += max(1 - self.decay, 1 / (self.seen + 1)) * (value - self.level)
            gain = max(1 - self.deviation_decay, 1 / self.seen)
            self.deviation += gain * (distance - self.deviation)
        self.seen += 1
        return announced


def robust_level(values, *, decay=0.9, deviation_decay=0.95):
    """(level, deviation, excess)."""
    level = RobustLevel(decay, deviation_decay)
    return np.array([level.take(float(value)) for value in values])
