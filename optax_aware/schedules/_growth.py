"""Powers of a rate per period, to the last digit that the rate was given with."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware.schedules._steps import Number, read_number

# A rate above one would overflow some day, and its gradient sooner; e**60 is past any use.
_LARGEST_LOGARITHM = np.float32(60)


def growth(
    rate: Number, exponent: jax.Array, low: float = 0.0, high: float | None = None
) -> jax.Array:
    """Return rate**exponent for numbers that are not negative, with finite gradients.

    0**0 is 1. A Python float has more digits than a float32, and 0.99 differs from the
    float32 next to it by a part in 10**8, which the 10**4th power makes a part in 10**4:
    the digits that float32 drops are multiplied in again.
    """
    base = read_number(rate, low, high)
    positive = base > 0
    safe = jnp.where(positive, base, np.float32(1))
    rising = base > 1
    ceiling = _LARGEST_LOGARITHM / jnp.log(jnp.where(rising, base, np.float32(2)))
    ceiling = jax.lax.stop_gradient(jnp.where(rising, ceiling, jnp.inf))
    exponent = jnp.where(exponent > ceiling, ceiling, exponent)
    power = jnp.power(safe, exponent) * _dropped_digits(rate, exponent)
    return jnp.where(positive, power, jnp.where(exponent > 0, np.float32(0), np.float32(1)))


def _dropped_digits(rate: Number, exponent: jax.Array) -> jax.Array | float:
    if isinstance(rate, jax.Array):
        return 1.0
    given, kept = float(rate), float(np.float32(rate))
    if kept == 0 or math.isinf(kept):
        return 1.0
    return jnp.exp(exponent * np.float32(math.log(given / kept)))
