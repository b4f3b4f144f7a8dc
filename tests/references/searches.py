"""Slow, readable versions of the searches for a learning rate: loops, NumPy and no tricks.

Written from the descriptions, not from the library.
"""

import math

import numpy as np


def rising_run(loss, gradient, params, batches, rates, first_steps, smoothing_steps, factor):
    """Plain gradient descent at rising rates; returns the losses until the run stops.

    ``params`` and gradients are float64 vectors.
    """
    keep = math.exp(-1.0 / smoothing_steps)
    losses, seen, bad, least = [], [], 0, math.inf
    for step, rate in enumerate(rates):
        batch = batches[step % len(batches)]
        value = loss(params, batch)
        losses.append(value)
        if not math.isfinite(value):
            bad += 1
            if bad == 3:
                break
            continue
        params = params - rate * gradient(params, batch)
        seen.append(value)
        ages = np.arange(len(seen))[::-1]
        weights = keep**ages
        mean = float(np.sum(weights * seen) / np.sum(weights))
        least = min(least, mean)
        if len(seen) <= first_steps:
            bad = 0
            continue
        first = np.array(seen[:first_steps])
        noise = first.std() * math.sqrt((1.0 - keep) / (1.0 + keep))
        room = max(first.mean() - least, 4.0 * noise, 0.05 * abs(seen[0]))
        too_far = least + factor * room
        bad = bad + 1 if mean > too_far and value > too_far else 0
        if bad == 3:
            break
    return losses


def smoothed(losses, smoothing_steps):
    """Means with weights that fall off exponentially to both sides."""
    means = []
    for place in range(len(losses)):
        weights = [math.exp(-abs(place - other) / smoothing_steps) for other in range(len(losses))]
        means.append(sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights))
    return means


def crossing(curve, level, share):
    """The place at which a curve comes down through a share of its fall, to its lowest point."""
    last = min(range(len(curve)), key=lambda place: curve[place])
    wanted = level - share * (level - curve[last])
    place = last
    while place > 0 and curve[place - 1] <= wanted:
        place -= 1
    if place == 0:
        return 0.0
    above, below = curve[place - 1], curve[place]
    return place - 1 + (above - wanted) / (above - below)


def trained_at(loss, gradient, params, batches, rate, num_steps):
    """The mean loss over the last quarter, rounded up, of a run of plain gradient descent."""
    values = []
    for step in range(num_steps):
        batch = batches[step % len(batches)]
        values.append(loss(params, batch))
        params = params - rate * gradient(params, batch)
    return float(np.mean(values[-math.ceil(num_steps / 4) :]))
