"""A running root mean square that neither overflows nor underflows."""

import jax
import jax.numpy as jnp

from optax_aware._numbers import SMALLEST_NORMAL


def updated_root_mean_square(
    root_mean_square: jax.Array, value: jax.Array, gain: jax.Array
) -> jax.Array:
    """Return sqrt((1 - gain) root_mean_square**2 + gain value**2), gain in [0, 1].

    Both are divided by the larger of them before they are squared: float32 cannot hold the
    square of a number above 1.8e19 or below 1.1e-19. The result is zero where both are below
    the smallest normal float32.
    """
    value = jnp.abs(value)
    larger = jnp.maximum(root_mean_square, value)
    unit = jnp.where(larger < SMALLEST_NORMAL, 1.0, larger)
    before, now = root_mean_square / unit, value / unit
    return larger * jnp.sqrt((1.0 - gain) * before * before + gain * now * now)
