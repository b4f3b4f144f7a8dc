"""The rate that a policy multiplies: none, a number or a schedule."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_number


def base_rate(learning_rate: ArrayLike | optax.Schedule | None) -> Callable[[jax.Array], jax.Array]:
    """Return a function from step to float32 rate; 1 where the policy alone gives the rate."""
    if learning_rate is None:
        return lambda step: jnp.float32(1.0)
    if callable(learning_rate):
        return lambda step: jnp.asarray(learning_rate(step), jnp.float32)
    check_number("learning_rate", learning_rate, low=0.0)
    return lambda step: jnp.asarray(learning_rate, jnp.float32)


def scale_updates(updates: optax.Updates, rate: jax.Array) -> optax.Updates:
    """Multiply every update by ``rate`` in at least float32 and return it in its own dtype."""
    return jax.tree.map(lambda update: _scaled(update, rate), updates)


def _scaled(update: jax.Array, rate: jax.Array) -> jax.Array:
    if update.dtype == jax.dtypes.float0:
        return update
    wide = jnp.promote_types(update.dtype, jnp.float32)
    return (rate * update.astype(wide)).astype(update.dtype)
