"""Random numbers for the problems."""

import numpy as np


def standard_noise(
    generator: np.random.Generator, shape: tuple[int, ...], degrees_of_freedom: float | None
) -> np.ndarray:
    """Normal numbers, or Student's t with so many degrees of freedom, whose tails are heavy."""
    if degrees_of_freedom is None:
        return generator.standard_normal(shape)
    return generator.standard_t(degrees_of_freedom, shape)


def choices(generator: np.random.Generator, steps: int, batch: int, examples: int) -> np.ndarray:
    """Examples drawn with replacement, shape (steps, batch)."""
    return generator.integers(0, examples, (steps, batch), dtype=np.int32)
