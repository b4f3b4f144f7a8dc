"""Whether gradients may be used: they are finite, and leave the optimizer's state so."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware._types import AxisName
from optax_aware.transforms._inputs import on_all_devices
from optax_aware.transforms._leaves import in_dtype_of, inexact

HALF_PRECISION = float(jnp.finfo(jnp.float16).max)
FLOAT32 = float(jnp.finfo(jnp.float32).max)


def all_finite(tree: optax.Updates, axis_name: AxisName | None) -> jax.Array:
    """Return whether every number of a tree is finite, on every device of ``axis_name``."""
    finite = _all(jnp.all(jnp.isfinite(leaf)) for leaf in inexact(tree))
    return on_all_devices(finite, axis_name)


def sums_of_squares(tree: Any) -> list[jax.Array]:
    """Return the sum of squares of each floating-point leaf, in float32 or what is wider."""
    return [jnp.sum(_squares(leaf)) for leaf in inexact(tree)]


def all_usable(
    gradients: optax.Updates,
    squares: list[jax.Array],
    inner_state: optax.OptState,
    inner_update: Callable[[optax.Updates, optax.OptState], tuple[optax.Updates, optax.OptState]],
    axis_name: AxisName | None,
) -> jax.Array:
    """Return whether the gradients are finite on every device, and leave the optimizer's state so.

    A single finite gradient of 1e38 makes the second moment of Adam infinite, and the training
    stands still for good. So gradients are of no use whose sum of ``squares`` is beyond float32, or
    what is wider where nothing is narrower. Half precision ends at 65504, which the squares of
    ordinary gradients pass: where anything is stored in it, the optimizer is asked what it would
    make of those. One that enlarges gradients before it squares them is beyond that.
    """
    leaves = inexact(gradients)
    ranges = {float(jnp.finfo(leaf.dtype).max) for leaf in (*leaves, *inexact(inner_state))}
    wide = min((largest for largest in ranges if largest > HALF_PRECISION), default=FLOAT32)
    usable = on_all_devices(sum(squares, jnp.float32(0.0)) <= wide, axis_name)
    if HALF_PRECISION not in ranges:
        return usable
    small = _all(jnp.max(_squares(leaf), initial=0.0) <= HALF_PRECISION for leaf in leaves)

    def ask() -> jax.Array:
        stays_finite = _stays_finite(inner_state, inner_update(gradients, inner_state)[1])
        return on_all_devices(stays_finite, axis_name)

    return usable & jax.lax.cond(on_all_devices(small, axis_name), lambda: jnp.asarray(True), ask)


def _squares(leaf: jax.Array) -> jax.Array:
    wide = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
    return jnp.real(wide * jnp.conj(wide))


def _stays_finite(before: optax.OptState, after: optax.OptState) -> jax.Array:
    """Return whether everything that was finite in a state still is."""
    pairs = zip(inexact(before), inexact(after), strict=True)
    return _all(
        jnp.all(jnp.isfinite(in_dtype_of(new, old)) | ~jnp.isfinite(old)) for old, new in pairs
    )


def _all(flags: Iterable[jax.Array]) -> jax.Array:
    return jnp.all(jnp.stack([jnp.asarray(True), *flags]))
