"""Limits of float32 and int32, and counters that stay within them: what all rooms share."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

SMALLEST_NORMAL = np.finfo(np.float32).tiny
"""Whether a number below it is kept or read as zero depends on the device."""

LARGEST = np.finfo(np.float32).max
LARGEST_COUNT = np.iinfo(np.int32).max


def as_float32(values: ArrayLike) -> jax.Array:
    """Return float32, where a double that is too large is infinite and no warning."""
    with np.errstate(over="ignore"):
        return jnp.asarray(values, jnp.float32)


def counted(counter: jax.Array, happened: jax.Array | bool = True) -> jax.Array:
    """Return ``counter``, one higher where it ``happened``; it stays at the largest int32."""
    return jnp.where(jnp.asarray(happened) & (counter < LARGEST_COUNT), counter + 1, counter)
