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


def growing_mean(values, *, fraction=0.15, minimum=10):
    """(mean, standard_error, score), from the weights of all values at every step."""
    values = np.asarray(values, np.float64)
    weights, difference_weights, estimates = np.zeros(0), np.zeros(0), []
    for seen in range(len(values)):
        gain = 1 / (minimum + fraction * seen)
        weights = _with_gain(weights, max(gain, 1 / (seen + 1)))
        if seen > 0:
            difference_weights = _with_gain(difference_weights, max(gain, 1 / seen))
        window = values[: seen + 1]
        mean = np.sum(weights * window)
        concentration = np.sum(weights**2)
        if concentration >= 1:
            estimates.append((mean, math.inf, 0.0))
            continue
        scale = np.ptp(window)
        if scale == 0:
            estimates.append((mean, 0.0, math.copysign(1e6, mean) * (mean != 0)))
            continue
        deviation = np.sum(weights * ((window - mean) / scale) ** 2)
        difference = np.sum(difference_weights * (np.diff(window) / scale) ** 2)
        target = deviation / (difference / 2) if difference > 0 else math.inf
        inflation = _inflation(target, concentration)
        variance = deviation / (1 - concentration * inflation)
        error = scale * math.sqrt(variance * concentration * inflation)
        estimates.append((mean, error, float(np.clip(mean / error, -1e6, 1e6))))
    return np.array(estimates)


def upward_change(values, *, threshold=2.5, allowance=0.1, decay=0.9):
    """(score, steps_since_zero, alarm)."""
    square, score, age, estimates = 0.0, 0.0, 0, []
    for value in map(float, values):
        square = decay * square + (1 - decay) * value**2 if square > 0 else value**2
        normalised = value / math.sqrt(square) if square > 0 else 0.0
        score = max(0.0, score + normalised - allowance)
        age = age + 1 if score > 0 else 0
        estimates.append((score, age, score > threshold))
    return np.array(estimates, np.float64)


def robust_level(values, *, decay=0.9, deviation_decay=0.95):
    """(level, deviation, excess)."""
    level, deviation, estimates = None, 0.0, []
    for seen, value in enumerate(map(float, values)):
        if level is None:
            level = value
            estimates.append((level, 0.0, 0.0))
            continue
        excess = float(np.clip(value - level, -LARGEST, LARGEST))
        estimates.append((level, max(deviation, 4 * EPSILON * abs(level)), excess))
        level += max(1 - decay, 1 / (seen + 1)) * (value - level)
        deviation += max(1 - deviation_decay, 1 / seen) * (abs(excess) - deviation)
    return np.array(estimates)
