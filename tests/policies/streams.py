"""Recorded losses to replay: random, but the same at every run."""

import numpy as np


def dyadic(count: int, steps: int, seed: int = 0) -> np.ndarray:
    """Losses on a grid of 2**-8: their sums are exact, so float32 and float64 agree.

    A third falls, a third wanders, a third is flat; of all kinds some are negative.
    """
    random = np.random.default_rng(seed)
    time = np.arange(steps)
    falling = 6.0 * np.exp(-time / random.uniform(10, steps, (count, 1)))
    wandering = 3.0 + np.cumsum(random.normal(0.0, 0.2, (count, steps)), axis=1)
    flat = np.full((count, steps), 2.0)
    kind = np.arange(count)[:, None] % 3
    curves = np.choose(kind, [falling, wandering, flat])
    curves = curves + random.normal(0.0, 1.0, (count, steps)) * random.choice(
        [0.0, 0.2], (count, 1)
    )
    curves -= random.choice([0.0, 4.0], (count, 1))
    return (np.round(np.clip(curves, -7.9, 7.9) * 256) / 256).astype(np.float32)


def positive(count: int, steps: int, seed: int = 0) -> np.ndarray:
    """Positive losses that fall, wander or stand still, with noise."""
    random = np.random.default_rng(seed)
    drift = random.choice([-0.02, 0.0, 0.01], (count, 1))
    logs = np.cumsum(random.normal(drift, 0.2, (count, steps)), axis=1)
    return np.exp(np.clip(logs, -20, 20)).astype(np.float32)


def spoiled(curves: np.ndarray, seed: int = 1, share: float = 0.15) -> np.ndarray:
    """The same curves with some of their values replaced by NaN and infinities."""
    random = np.random.default_rng(seed)
    bad = random.choice(np.float32([np.nan, np.inf, -np.inf]), curves.shape)
    return np.where(random.uniform(size=curves.shape) < share, bad, curves)
