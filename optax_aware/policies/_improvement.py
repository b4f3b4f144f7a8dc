"""When a value counts as better than the best one before it."""

from typing import Any

import jax
import jax.numpy as jnp


def improves(value: jax.Array, best: jax.Array, rtol: Any, atol: Any) -> jax.Array:
    """Return whether ``value < best - rtol * |best| - atol``; true where ``best`` is infinite.

    For positive values these are the rules of PyTorch and optax, written as they write
    them, ``(1 - rtol) * best - atol``, so that a value on the threshold rounds the same way.
    """
    shrunk = best * jnp.asarray(1.0 - rtol, jnp.float32)
    grown = best * jnp.asarray(1.0 + rtol, jnp.float32)
    threshold = jnp.where(best >= 0.0, shrunk, grown) - jnp.asarray(atol, jnp.float32)
    return jnp.isposinf(best) | (value < threshold)
