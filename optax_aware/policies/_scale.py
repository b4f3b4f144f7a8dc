"""What policies do to scales, counters and states, none of which can leave its range."""

import jax
import jax.numpy as jnp

from optax_aware._numbers import LARGEST, SMALLEST_NORMAL
from optax_aware._types import Scalar


def bounded(
    proposed: jax.Array, held: jax.Array, low: Scalar | float, high: Scalar | float
) -> jax.Array:
    """Return ``proposed`` within [low, high] as float32, or ``held`` where it is not a number.

    Below the smallest normal float32 it is zero before the bounds are applied: whether a
    subnormal number is kept depends on the device.
    """
    proposed = jnp.where(jnp.isnan(proposed), held, proposed)
    proposed = jnp.where(proposed < SMALLEST_NORMAL, 0.0, proposed)
    low = jnp.asarray(low, jnp.float32)
    high = jnp.asarray(high, jnp.float32)
    return jnp.minimum(jnp.maximum(proposed, low), high)


def finite_difference(first: jax.Array, second: jax.Array) -> jax.Array:
    """Return ``first - second``, at most the largest float32; infinite where either is."""
    known = jnp.isfinite(first) & jnp.isfinite(second)
    return jnp.where(known, jnp.clip(first - second, -LARGEST, LARGEST), jnp.inf)


def chosen(flag: jax.Array, first, second):
    """Return the first tree where the flag is true, else the second."""
    return jax.tree.map(lambda new, old: jnp.where(flag, new, old), first, second)
