"""Streams of everything that `condition_based` observes: random, but the same at every run."""

import numpy as np

import optax_aware as oa

FIELDS = (
    "value",
    "gradients_finite",
    "direction_norm",
    "params_norm",
    "gradient_dot_direction",
    "gradient_dot_update",
    "previous_gradient_dot_update",
    "gradient_dot_path",
    "gradient_dot_lag",
    "rewindable",
    "shape",
    "guess",
)

KINDS = ("calm", "spikes", "faults", "burst", "shift", "climb", "flat", "still", "wild")


def observed(count: int, steps: int, seed: int = 0) -> oa.Observation:
    """Return observations of shape (count, steps), kinds, offsets and sizes all mixed.

    The slope along the last update is negative at first and turns at some time, as in a ramp;
    the slope of the path wanders from one sign to the other.
    """
    random = np.random.default_rng(seed)
    time = np.arange(steps)

    def uniform(low, high):
        return random.uniform(low, high, (count, 1))

    def normal():
        return random.normal(size=(count, steps))

    kind = np.arange(count)[:, None] % len(KINDS)
    fall = np.exp(-time / uniform(10, 100))
    noise = np.where(kind == KINDS.index("still"), 0.0, uniform(0.005, 0.05))
    values = np.where(kind == KINDS.index("flat"), 0.0, fall) + noise * normal()
    when = random.integers(30, steps - 40, (count, 1))
    jump = (kind == KINDS.index("shift")) & (time >= when)
    values += jump * uniform(1, 4)
    climb = (kind == KINDS.index("climb")) & (time >= when)
    values += climb * np.minimum(0.03 * (time - when), 2.0)
    spike = (kind == KINDS.index("spikes")) & (random.uniform(size=(count, steps)) < 0.04)
    values += spike * random.uniform(2, 100, (count, steps))
    burst = (kind == KINDS.index("burst")) & (time >= when) & (time < when + uniform(2, 40))
    values += burst * random.uniform(5, 10, (count, steps))
    values *= np.where(kind == KINDS.index("wild"), np.exp(2.0 * normal()), 1.0)
    size = random.choice([1e-6, 1.0, 1.0, 1e6], (count, 1))
    values = size * (values + random.choice([0.0, 0.0, -2.0, 500.0], (count, 1)))
    broken = (kind == KINDS.index("faults")) & (
        (random.uniform(size=(count, steps)) < 0.06) | ((time >= when) & (time < when + 5))
    )
    infinite = random.choice([np.nan, np.inf, -np.inf], (count, steps))
    values = np.where(broken & (random.uniform(size=(count, steps)) < 0.7), infinite, values)

    promise = -size * random.uniform(0.5, 2.0, (count, steps))
    agreement = np.clip((time - uniform(5, 60)) / 15.0, -1.0, uniform(-0.9, 1.8))
    unknown = random.uniform(size=(count, steps)) < 0.03

    def inner_products(mean):
        return np.where(unknown, np.nan, size * (mean + normal()))

    columns = {
        "value": values,
        "gradients_finite": ~(broken & np.isfinite(values)),
        "direction_norm": uniform(0.5, 2.0),
        "params_norm": uniform(1.0, 20.0),
        "gradient_dot_direction": size * uniform(0.5, 4.0),
        "gradient_dot_update": np.where(unknown, np.nan, -promise * (agreement + 0.2 * normal())),
        "previous_gradient_dot_update": np.where(unknown, np.nan, promise),
        "gradient_dot_path": inner_products(np.sin(time / uniform(10, 60)) * uniform(0, 2)),
        "gradient_dot_lag": inner_products(uniform(-0.5, 2.0)),
        "rewindable": random.uniform(size=(count, 1)) < 0.8,
        "guess": random.choice([np.nan, np.nan, 1e-3, 1e3], (count, 1)),
        "shape": _shapes(np.arange(count)[:, None] // len(KINDS), time, steps),
    }
    shaped = {name: np.broadcast_to(column, (count, steps)) for name, column in columns.items()}
    floats = {
        name: column if column.dtype == bool else column.astype(np.float32)
        for name, column in shaped.items()
    }
    return oa.Observation(
        step=np.broadcast_to(time.astype(np.int32), (count, steps)),
        validation_value=np.full((count, steps), np.nan, np.float32),
        gradient_norm=np.full((count, steps), np.nan, np.float32),
        **floats,
    )


def _shapes(kind, time, steps):
    """Return schedules: none for two thirds, else a warmup and a cosine to 0, twice as high."""
    schedule = 2.0 * np.minimum(time / 40.0, 0.5 + 0.5 * np.cos(np.pi * time / steps))
    return np.where(kind % 3 == 2, schedule, 1.0)


def rows(observations: oa.Observation, row: int) -> list[dict]:
    """Return one stream as the plain numbers that a reference reads."""
    columns = {name: getattr(observations, name)[row].tolist() for name in FIELDS}
    return [
        dict(zip(columns, numbers, strict=True)) for numbers in zip(*columns.values(), strict=True)
    ]
