"""What is done to single leaves of parameters, gradients and states."""

import jax
import jax.numpy as jnp


def as_array(leaf) -> jax.Array:
    """Return an array of a Python number; arrays, and gradients of integers, are left alone."""
    return leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)


def own(leaf) -> jax.Array:
    """Return a copy: some optimizers keep the very arrays of the parameters in their state."""
    return jnp.array(leaf, jnp.result_type(leaf), copy=True)


def in_dtype_of(new, old) -> jax.Array:
    """Return ``new`` in the dtype that ``old`` has."""
    return jnp.asarray(new, old.dtype)


def or_zero(update: jax.Array) -> jax.Array:
    """Return zeros for what is not finite: such an update would destroy its parameter for good."""
    if not jnp.issubdtype(update.dtype, jnp.inexact):
        return update
    return jnp.where(jnp.isfinite(update), update, jnp.zeros_like(update))


def zeros_like(leaf: jax.Array):
    """Return zeros; the gradients of integers are zeros already, of a kind of their own."""
    return leaf if leaf.dtype == jax.dtypes.float0 else jnp.zeros_like(leaf)
