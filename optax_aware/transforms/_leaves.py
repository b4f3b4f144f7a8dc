"""What is done to single leaves of parameters, gradients and states."""

import jax
import jax.numpy as jnp


def as_array(leaf) -> jax.Array:
    """Return an array of a Python number; arrays, and gradients of integers, are left alone."""
    return leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)


def inexact(tree) -> list[jax.Array]:
    """Return the leaves that are real or complex numbers of floating point."""
    leaves = map(as_array, jax.tree.leaves(tree))
    return [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]


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


def zero_where(flag: jax.Array, leaf: jax.Array):
    """Return zeros where the flag is true."""
    return leaf if leaf.dtype == jax.dtypes.float0 else jnp.where(flag, jnp.zeros_like(leaf), leaf)


def rarely(flag: jax.Array, new, old):
    """Return the tree ``new`` where the flag is true; elsewhere ``old``, not a leaf touched."""

    def of_one_type(first, second):
        first = in_dtype_of(first, second)
        # Under shard_map a constant is the same on all devices by its type, a state need not be.
        same = jax.typeof(first) == jax.typeof(second)
        return first if same else jnp.where(flag, first, second)

    return jax.lax.cond(flag, lambda: jax.tree.map(of_one_type, new, old), lambda: old)
