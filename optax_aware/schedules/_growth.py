"""Powers of a rate per period, to the last digit that the rate was given with."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware.schedules._steps import Number, read_number

# A rate above 1 would overflow some day, and its gradient sooner; e**60 is past any use.
_LARGEST_LOGARITHM = 60.0
_LARGEST = np.float32(math.exp(_LARGEST_LOGARITHM))


def growth(
    rate: Number,
    count: jax.Array,
    part: jax.Array | None = None,
    low: float = 0.0,
    high: float = math.inf,
) -> jax.Array:
    """Return rate**(count + part) for numbers that are not negative, with finite gradients.

    The power of the whole ``count`` and that of a ``part`` below 1 are taken apart, so that
    the part keeps its digits however large the count. 0**0 is 1.
    """
    base = read_number(rate, low, high)
    positive = base > 0
    safe = jnp.where(positive, base, np.float32(1))
    rising = base > 1
    ceiling = np.float32(_LARGEST_LOGARITHM) / jnp.log(jnp.where(rising, base, np.float32(2)))
    exponent = count if part is None else count + part
    beyond = rising & (exponent >= ceiling)
    count = jnp.where(beyond, np.float32(0), count)
    power = jnp.power(safe, count) * _dropped_digits(rate, count)
    if part is not None:
        # Rounding may have made the part more than 1, which is enough for an overflow.
        power = power * jnp.power(safe, jnp.where(beyond, np.float32(0), part))
    power = jnp.where(positive, power, jnp.where(exponent > 0, np.float32(0), np.float32(1)))
    return jnp.where(beyond, _LARGEST, power)


def _dropped_digits(rate: Number, count: jax.Array) -> jax.Array | float:
    """Return the power of what a float32 drops of a Python float.

    0.99 and the float32 next to it differ by one part in 10**8, their 10**4th powers by one
    in 10**4.
    """
    if isinstance(rate, jax.Array):
        return 1.0
    given, kept = float(rate), float(np.float32(rate))
    if kept == 0 or math.isinf(kept):
        return 1.0
    return jnp.exp(count * np.float32(math.log(given / kept)))
