"""The polynomial average of the parameters along their path."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from optax_aware._numbers import counted

POLYNOMIAL_ORDER = 16.0
"""Half of the weight is on the newest 4 % of the path."""


class AverageState(NamedTuple):
    """A running average.

    Attributes:
      average_params: the average, in at least float32 for floating-point parameters.
      average_taken: the number of parameters averaged so far.
    """

    average_params: optax.Params
    average_taken: jax.Array


def first_average(params: optax.Params) -> AverageState:
    """Return an average of nothing, in arrays of its own."""
    return AverageState(jax.tree.map(_widened_copy, params), jnp.int32(0))


def fold_in(average: AverageState, params: optax.Params) -> optax.Params:
    r"""Return the average with ``params`` as its newest member.

    .. math:: a_n = (1 - w_n) a_{n-1} + w_n x_n, \quad w_n = \frac{c + 1}{n + c + 1}, \quad c = 16

    so that the n-th parameters weigh about :math:`n^c` (Shamir & Zhang 2013, section 4).
    """
    weight = polynomial_weight(average.average_taken, POLYNOMIAL_ORDER)
    return jax.tree.map(
        lambda mean, leaf: _towards(mean, leaf, weight), average.average_params, params
    )


def advance_average(average: AverageState, params: Any) -> AverageState:
    """Take in the parameters of this step."""
    return AverageState(fold_in(average, params), counted(average.average_taken))


def restart_average(average: AverageState, restart: jax.Array) -> AverageState:
    """Let what comes next count as the first where ``restart`` is true."""
    return average._replace(average_taken=jnp.where(restart, 0, average.average_taken))


def polynomial_weight(taken: jax.Array, order: float) -> jax.Array:
    """Return the weight of the newest member of an average of so many others."""
    return (order + 1.0) / (taken + order + 1.0)


def _widened_copy(leaf) -> jax.Array:
    return jnp.array(leaf, dtype=_average_dtype(leaf), copy=True)


def _average_dtype(leaf):
    dtype = jnp.result_type(leaf)
    floating = jnp.issubdtype(dtype, jnp.inexact)
    return jnp.promote_types(dtype, jnp.float32) if floating else dtype


def _towards(mean: jax.Array, leaf: jax.Array, weight: jax.Array) -> jax.Array:
    if not jnp.issubdtype(mean.dtype, jnp.inexact):
        return jnp.asarray(leaf, mean.dtype)
    leaf = jnp.asarray(leaf, mean.dtype)
    weight = weight.astype(mean.dtype)
    return (1.0 - weight) * mean + weight * leaf
