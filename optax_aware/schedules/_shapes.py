"""The shapes a rate can take on its way from one value to the next."""

import jax
import jax.numpy as jnp
import numpy as np

SHAPES = ("linear", "cosine")

_QUARTER_TURN = np.float32(np.pi / 2)


def _squared_sine(part: jax.Array) -> jax.Array:
    return jnp.square(jnp.sin(_QUARTER_TURN * part))


def weights(shape: str, done: jax.Array, left: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the weights of the value at the start and of the value at the end of a way.

    ``done`` and ``left`` are the parts of the way before and after the step. Each weight is
    computed from the part that is small when it is small, so that nothing cancels: for the
    cosine by (1 + cos(pi x)) / 2 = sin(pi (1 - x) / 2)**2.
    """
    if shape == "cosine":
        return _squared_sine(left), _squared_sine(done)
    if shape == "1-sqrt":
        moving = done > 0
        root = jnp.where(moving, jnp.sqrt(jnp.where(moving, done, np.float32(1))), np.float32(0))
        return left / (1 + root), root
    return left, done


def mean(
    start: jax.Array, end: jax.Array, start_weight: jax.Array, end_weight: jax.Array
) -> jax.Array:
    """Return the mean of two values for two weights whose sum is 1."""
    value = start * start_weight + end * end_weight
    # Next to the largest float32 it takes no more than rounding to overflow.
    larger = jnp.where(jnp.abs(start) > jnp.abs(end), start, end)
    return jnp.where(jnp.isinf(value), larger, value)
