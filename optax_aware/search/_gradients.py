"""What a step of plain training needs that `jax.grad` leaves to its caller."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware.transforms._base_rate import scale_updates


def loss_and_gradients(
    loss_fn: Callable[[Any, Any], jax.Array], params: optax.Params, batch: Any
) -> tuple[jax.Array, optax.Updates]:
    """Return the loss, float32, and the gradients that optimizers expect.

    `jax.grad` of a complex parameter is the conjugate of the direction of steepest ascent, and
    integers have gradients of a type that optimizers cannot calculate with: here zeros.
    """
    value, gradients = jax.value_and_grad(loss_fn, allow_int=True)(params, batch)

    def as_gradient(gradient, leaf) -> jax.Array:
        return jnp.zeros_like(leaf) if gradient.dtype == jax.dtypes.float0 else jnp.conj(gradient)

    return value.astype(jnp.float32), jax.tree.map(as_gradient, gradients, params)


def moved(params: optax.Params, updates: optax.Updates, factor: jax.Array) -> optax.Params:
    """Add updates times a factor; integers stay, even where weights decay."""
    stepped = optax.apply_updates(params, scale_updates(updates, factor))
    return jax.tree.map(
        lambda new, old: new if jnp.issubdtype(old.dtype, jnp.inexact) else old, stepped, params
    )
