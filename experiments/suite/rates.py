"""Learning rates as tables, one number a step: for a compiled program they are data.

Every shape starts with a linear warmup over 5 % of the run.
"""

import functools

import numpy as np
import optax

import optax_aware as oa

SHAPES = ("cosine", "linear", "warmup_stable_decay", "constant")
WARMUP_SHARE = 0.05
DECAY_SHARE = 0.3
STEPS_A_DECADE = 2


def schedule(shape: str, peak: float, steps: int) -> optax.Schedule:
    """A schedule of one of `SHAPES` over ``steps`` updates."""
    warmup_steps = max(1, round(WARMUP_SHARE * steps))
    decay_steps = max(1, round(DECAY_SHARE * steps))
    rest = max(1, steps - warmup_steps)
    if shape == "warmup_stable_decay":
        return oa.schedules.warmup_stable_decay(
            peak,
            warmup_steps=warmup_steps,
            stable_steps=max(0, rest - decay_steps),
            decay_steps=decay_steps,
        )
    after = {
        "cosine": lambda: oa.schedules.cosine(peak, decay_steps=rest),
        "linear": lambda: oa.schedules.linear(peak, 0.0, decay_steps=rest),
        "constant": lambda: oa.schedules.constant(peak),
    }[shape]()
    return oa.schedules.warmup(after, warmup_steps)


def table(shape: str, steps: int, length: int) -> np.ndarray:
    """A schedule with a peak of 1, a number a step, and zeros from ``steps`` up to ``length``."""
    rates = np.zeros(length, np.float32)
    rates[:steps] = _rates(shape, steps)
    return rates


def cosine_factor(steps: int, length: int) -> np.ndarray:
    """A cosine from 1 to 0 without a warmup, for optimizers that find their rate themselves."""
    factor = np.zeros(length, np.float32)
    factor[:steps] = np.asarray(oa.schedules.cosine(1.0, decay_steps=steps)(np.arange(steps)))
    return factor


def peak_at(place: int) -> float:
    """The rate at a place of the grid, two places to a decade; place 0 is a rate of 1."""
    return float(10.0 ** (place / STEPS_A_DECADE))


def place_of(rate: float) -> int:
    """The place of the grid that is nearest to a rate."""
    return round(float(STEPS_A_DECADE * np.log10(rate)))


@functools.cache
def _rates(shape: str, steps: int) -> np.ndarray:
    return np.asarray(schedule(shape, 1.0, steps)(np.arange(steps)))
