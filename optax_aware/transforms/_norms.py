"""What a policy may ask to know of gradients, direction and parameters, as scalars."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from optax_aware._types import MEASURED, AxisName, Observation
from optax_aware.transforms._finite import sums_of_squares
from optax_aware.transforms._inputs import mean_over_devices
from optax_aware.transforms._leaves import as_array


def observe_norms(
    names: tuple[str, ...],
    wanted: jax.Array,
    observation: Observation,
    gradients: optax.Updates,
    gradient_squares: list[jax.Array],
    params: optax.Params | None,
    direction: Callable[[], optax.Updates],
    axis_name: AxisName | None,
) -> Observation:
    """Fill in the fields called ``names`` where ``wanted`` is true, and leave NaN elsewhere.

    The direction is worked out inside the branch, once more than for the update itself, so
    that steps on which nothing is wanted pay nothing; ``gradient_squares`` are the sums of squares
    of the gradients, which are known already. Along ``axis_name`` the mean is taken, so that every
    device decides alike.
    """
    names = tuple(name for name in names if name in MEASURED)
    if not names:
        return observation

    def measure() -> tuple[jax.Array, ...]:
        needs_direction = bool({"direction_norm", "gradient_dot_direction"} & set(names))
        step_direction = direction() if needs_direction else None
        measures = {
            "gradient_norm": lambda: _root(gradient_squares),
            "direction_norm": lambda: _root(sums_of_squares(step_direction)),
            "params_norm": lambda: _root(sums_of_squares(params)),
            "gradient_dot_direction": lambda: _dot(gradients, step_direction),
        }
        return mean_over_devices(tuple(measures[name]() for name in names), axis_name)

    unknown = tuple(jnp.float32(jnp.nan) for _ in names)
    measured = jax.lax.cond(wanted, measure, lambda: unknown)
    return observation._replace(**dict(zip(names, measured, strict=True)))


def _dot(left, right) -> jax.Array:
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    products = [
        jnp.sum(jnp.real(jnp.conj(a).astype(_wide(a)) * b.astype(_wide(b))))
        for a, b in ((as_array(a), as_array(b)) for a, b in pairs)
        if jnp.issubdtype(a.dtype, jnp.inexact)
    ]
    return _total(products)


def _root(squares: list[jax.Array]) -> jax.Array:
    return jnp.sqrt(_total(squares))


def _total(parts: list[jax.Array]) -> jax.Array:
    return sum(parts, jnp.float32(0.0)).astype(jnp.float32)


def _wide(leaf):
    return jnp.promote_types(leaf.dtype, jnp.float32)
