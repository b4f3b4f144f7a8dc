"""Learning rates drawn on a log scale."""

import jax
import jax.numpy as jnp

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
      min_rate: the lower bound, above 0.
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
    if isinstance(key, int):
        key = jax.random.key(key)
    shares = jax.random.uniform(key, (num_rates,), jnp.float32)
    if stratified:
        shares = (jnp.arange(num_rates, dtype=jnp.float32) + shares) / num_rates
    low, high = (jnp.asarray(rate, jnp.float32) for rate in (min_rate, max_rate))
    return jnp.clip(low * jnp.exp(shares * jnp.log(high / low)), low, high)
