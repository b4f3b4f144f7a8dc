"""How many micro-batches make an update: a number, a schedule, a policy's scale."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_count, check_number

LONGEST = 2**24
"""The largest length: up to here float32 counts without gaps."""

_ROUNDING = 2.0**-16
_HALF = 0.5
"""A scale that has been rounded a few times shall not cost one more micro-batch: so much of a
length is forgiven, relative and at most, and none where the scale is 1 and nothing is rounded."""

Length = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
"""From update and scale to the length of that update and to what multiplies its rate."""


def accumulation_length(every: ArrayLike | optax.Schedule, max_length: Any) -> Length:
    r"""Return the length as a function of update and scale, and what is left for the rate.

    .. math::
      n = \min\!\left(\lceil k / s \rceil,\; n_{max}\right), \qquad
      f = \begin{cases} 1 & \lceil k / s \rceil \le n_{max} \\ s\, n_{max} / k & \text{else}
          \end{cases}

    with :math:`k` ``every`` and :math:`s` the scale. A scale that is NaN or negative, which no
    policy should have, counts as 0: the largest length, and no rate.
    """
    if not callable(every):
        check_number("every", every, 1, LONGEST)
        check_count("every", every, 1)
    if max_length is not None:
        check_number("max_length", max_length, 1, LONGEST)
        check_count("max_length", max_length, 1)
    longest = LONGEST if max_length is None else max_length

    def length(updates: jax.Array, scale: jax.Array) -> tuple[jax.Array, jax.Array]:
        most = jnp.asarray(longest, jnp.float32)
        base = _base_length(every, updates)
        scale = jnp.where(scale > 0.0, scale, 0.0)
        exact = jnp.where(scale > 0.0, base / jnp.where(scale > 0.0, scale, 1.0), jnp.inf)
        forgiven = jnp.where(scale == 1.0, 0.0, jnp.minimum(_ROUNDING * exact, _HALF))
        wanted = jnp.ceil(exact - forgiven)
        number = jnp.maximum(jnp.minimum(wanted, most), 1.0)
        factor = jnp.where(wanted > most, scale * most / base, 1.0)
        return number.astype(jnp.int32), factor

    return length


def _base_length(every: Any, updates: jax.Array) -> jax.Array:
    number = jnp.asarray(every(updates) if callable(every) else every, jnp.float32)
    return jnp.clip(jnp.where(jnp.isnan(number), 1.0, jnp.round(number)), 1.0, LONGEST)
