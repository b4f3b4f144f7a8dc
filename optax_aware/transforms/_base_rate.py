"""The rate that a policy multiplies: none, a number or a schedule."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_number
from optax_aware._types import Scalar
from optax_aware.transforms._leaves import as_array


def guess_and_base_rate(
    learning_rate: ArrayLike | optax.Schedule | None, finds_rate: bool
) -> tuple[Scalar, Callable[[jax.Array], jax.Array]]:
    """Return the guess, NaN where there is none, and the rate that the scale multiplies.

    A number is a guess for a policy that finds its own rate and the rate itself for others;
    a schedule is a shape that multiplies either.
    """
    # Of NumPy, whose NaN `jax_debug_nans` lets pass.
    unknown = np.float32("nan")
    if learning_rate is None or callable(learning_rate) or not finds_rate:
        return unknown, base_rate(learning_rate)
    check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    return jnp.asarray(learning_rate, jnp.float32), base_rate(None)


def base_rate(learning_rate: ArrayLike | optax.Schedule | None) -> Callable[[jax.Array], jax.Array]:
    """Return a function from step to float32 rate; 1 where the policy alone gives the rate."""
    if learning_rate is None:
        return lambda step: jnp.float32(1.0)
    if isinstance(learning_rate, optax.schedules.StatefulSchedule):
        raise ValueError(
            "learning_rate must be a number or a schedule of the step alone, got "
            f"learning_rate={learning_rate!r}. Hand a policy in as policy, and a stateful "
            "schedule to optax.inject_hyperparams."
        )
    if callable(learning_rate):
        return lambda step: jnp.asarray(learning_rate(step), jnp.float32)
    check_number("learning_rate", learning_rate, low=0.0)
    return lambda step: jnp.asarray(learning_rate, jnp.float32)


def scale_updates(updates: optax.Updates, rate: jax.Array) -> optax.Updates:
    """Multiply every update by ``rate`` in at least float32 and return it in its own dtype."""
    return jax.tree.map(lambda update: _scaled(as_array(update), rate), updates)


def _scaled(update: jax.Array, rate: jax.Array) -> jax.Array:
    if update.dtype == jax.dtypes.float0:
        return update
    wide = jnp.promote_types(update.dtype, jnp.float32)
    return (rate * update.astype(wide)).astype(update.dtype)
