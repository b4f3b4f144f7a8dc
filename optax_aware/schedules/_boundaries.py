"""Reading and checking the steps at which one level or schedule gives way to the next."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from optax_aware._arguments import check_number
from optax_aware.schedules._steps import Number, difference, is_integer, read_steps, to_float

Numbers = Sequence[Number] | np.ndarray | jax.Array
"""Several numbers: a list or tuple of them, or an array of one dimension."""


def check_numbers(name: str, values: Any, low: float = -math.inf) -> None:
    """Refuse what is not a sequence or a vector of finite numbers of at least ``low``."""
    is_array = isinstance(values, (jax.Array, np.ndarray))
    if not is_array and (isinstance(values, str) or not isinstance(values, Sequence)):
        raise ValueError(f"{name} must be a sequence of numbers, got {name}={values!r}.")
    if is_array and values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got {name}={values!r}.")
    if not isinstance(values, Tracer):
        for index, value in enumerate(values):
            check_number(f"{name}[{index}]", value, low)


def check_boundaries(boundaries: Any) -> None:
    """Refuse boundaries that are negative, or known and not in order."""
    check_numbers("boundaries", boundaries, 0.0)
    if isinstance(boundaries, Tracer):
        return
    known = [float(each) for each in boundaries if not isinstance(each, Tracer)]
    if known != sorted(known):
        raise ValueError(f"boundaries must be sorted, got boundaries={boundaries!r}.")


def check_length(name: str, values: Any, length: int, of_what: str) -> None:
    """Refuse a sequence that is not as long as another argument asks for."""
    if len(values) != length:
        raise ValueError(
            f"{name} must have {length} elements, {of_what}, got {len(values)}: {name}={values!r}."
        )


def read_boundaries(boundaries: Numbers) -> jax.Array:
    """Return the boundaries as one vector of steps, exact where all are integers."""
    if isinstance(boundaries, jax.Array):
        return read_steps(boundaries)
    steps = [read_steps(boundary) for boundary in boundaries]
    if all(is_integer(each) for each in steps):
        return jnp.asarray([each.astype(jnp.uint32) for each in steps], jnp.uint32)
    return jnp.asarray([to_float(each) for each in steps], jnp.float32)


def count_passed(step: jax.Array, boundaries: jax.Array) -> jax.Array:
    """Return how many boundaries are at or before the step, int32."""
    # As many axes on either side: a user may have forbidden JAX to add some.
    boundaries = boundaries.reshape((1,) * step.ndim + boundaries.shape)
    reached = difference(step[..., None], boundaries) >= 0
    return jnp.sum(reached, axis=-1, dtype=jnp.int32)
