"""What `aware` does to parameters under a script, one float at a time, in float64."""

import math


def run(
    gradient,
    start: float,
    scales,
    *,
    momentum: float = 0.0,
    skip=(),
    rewind=(),
    keep=(),
    base_rate=lambda step: 1.0,
    total_steps: int | None = None,
    values=None,
) -> dict[str, list[float]]:
    """Return parameters before each step and after the last, averages likewise, and rates."""
    position, velocity = start, 0.0
    snapshot = (position, velocity)
    average, taken = start, 0
    positions, averages, rates = [], [], []
    for step, scale in enumerate(scales):
        positions.append(position)
        averages.append(average_with(average, taken, position))
        rate = base_rate(step) * cooldown(step, total_steps) * scale
        rates.append(rate)
        value = 1.0 if values is None else values[step]
        slope = gradient(position)
        if step in rewind:
            position, velocity = snapshot
            taken = 0
            continue
        if step in skip or not math.isfinite(value) or not math.isfinite(slope):
            continue
        if step in keep:
            snapshot = (position, velocity)
        average, taken = average_with(average, taken, position), taken + 1
        velocity = momentum * velocity + slope
        position = position - rate * velocity
    positions.append(position)
    averages.append(average_with(average, taken, position))
    return {"params": positions, "averages": averages, "rates": rates}


def average_with(average: float, taken: int, newest: float) -> float:
    """Return the polynomial average with weight 17 / (n + 17) for its newest member."""
    return average + 17.0 / (taken + 17.0) * (newest - average)


def cooldown(step: int, total_steps: int | None) -> float:
    """Return 1 for the first 70 % of the run, then 1 - sqrt(elapsed part) down to 0 at its end."""
    if total_steps is None or step <= 0.7 * total_steps:
        return 1.0
    return 1.0 - math.sqrt(min(1.0, (step - 0.7 * total_steps) / (0.3 * total_steps)))
