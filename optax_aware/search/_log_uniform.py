"""Learning rates drawn on a log scale."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_flag, check_integer
from optax_aware._types import Scalar
from optax_aware.search._arguments import check_range


def log_uniform(
    min_rate: Scalar | float,
    max_rate: Scalar | float,
    num_rates: int,
    *,
    key: jax.Array | int,
    stratified: bool = True,
) -> jax.Array:
    r"""Draw learning rates whose logarithms are uniform between two bounds.

    Prefer it to an even grid in a random search, where other settings vary along with the
    rate: what matters is tried at ``num_rates`` different values. The bounds may be traced.

    .. math::
      \eta_i = \eta_{min} (\eta_{max} / \eta_{min})^{u_i}, \qquad
      u_i \sim U(i / n, (i + 1) / n)

    Args:
      min_rate: the lower bound, above 0: a normal float32, as the upper one.
      max_rate: the upper bound, above ``min_rate``.
      num_rates: how many, at least 1.
      key: a JAX key, or an integer seed.
      stratified: draw one in each of ``num_rates`` equal parts of the log scale, in rising
        order, so that none is left out; False draws each from the whole scale.

    Returns:
      A float32 array of shape ``(num_rates,)``.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import optax_aware as oa
      >>> rates = oa.search.log_uniform(1e-4, 1.0, 4, key=0)
      >>> print([f"{rate:.0e}" for rate in rates])
      ['9e-04', '1e-02', '2e-02', '3e-01']

    References:
      Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, 2012, Journal of
      Machine Learning Research 13, pages 281 to 305. McKay, Beckman and Conover, A Comparison
      of Three Methods for Selecting Values of Input Variables, 1979, doi:10.2307/1268522
      (stratified sampling).
    """
    check_range(min_rate, max_rate)
    check_integer("num_rates", num_rates, 1)
    check_flag("stratified", stratified)
    shares = jax.random.uniform(_as_key(key), (num_rates,), jnp.float32)
    if stratified:
        shares = (jnp.arange(num_rates, dtype=jnp.float32) + shares) / num_rates
    low, high = (jnp.asarray(rate, jnp.float32) for rate in (min_rate, max_rate))
    # Logarithms are subtracted, as the quotient of two allowed bounds may overflow.
    exponents = jnp.log(low) + shares * (jnp.log(high) - jnp.log(low))
    return jnp.clip(jnp.exp(exponents), low, high)


def _as_key(key: Any) -> jax.Array:
    """Return a JAX key, made of an integer seed if need be; seeds may be traced."""
    is_array = isinstance(key, (jax.Array, np.ndarray))
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return jax.random.key(key)
    if is_array and key.ndim == 0 and jnp.issubdtype(key.dtype, jnp.integer):
        return jax.random.key(key)
    is_typed = is_array and key.ndim == 0 and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if is_typed or (is_array and key.ndim == 1 and key.dtype == jnp.uint32):
        return jnp.asarray(key)
    raise ValueError(f"key must be a single JAX key or an integer seed, got key={key!r}.")
