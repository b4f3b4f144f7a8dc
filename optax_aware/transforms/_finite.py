"""Whether gradients may be used: they are finite, and so is what an optimizer makes of them."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware.transforms._inputs import on_all_devices
from optax_aware.transforms._leaves import as_array


def all_finite(tree: optax.Updates, axis_name: str | None) -> jax.Array:
    """Return whether every number of a tree is finite, on every device of ``axis_name``."""
    finite = _all(jnp.all(jnp.isfinite(leaf)) for leaf in _inexact(tree))
    return on_all_devices(finite, axis_name)


def sums_of_squares(tree: Any) -> list[jax.Array]:
    """Return the sum of squares of each floating-point leaf, in float32 or what is wider."""
    return [_sum_of_squares(leaf) for leaf in _inexact(tree)]


def all_usable(
    gradients: optax.Updates,
    squares: list[jax.Array],
    inner_state: optax.OptState,
    next_inner_state: Callable[[], optax.OptState],
    axis_name: str | None,
) -> jax.Array:
    """Return whether the gradients are finite on every device, and leave the optimizer's state so.

    A single finite gradient of 1e38 makes the second moment of Adam infinite, and the training
    stands still for good. Whether anything is amiss, the sums of ``squares`` tell in half the time
    of asking each number: no gradient is taken for harmless whose square is not finite in its own
    dtype. The largest number would not tell: XLA:CPU drops NaN from the maximum of a large array.
    """
    limits = [float(jnp.finfo(leaf.dtype).max) for leaf in _inexact(gradients)]
    small = _all(square <= limit for square, limit in zip(squares, limits, strict=True))
    unsuspicious = on_all_devices(small, axis_name)

    def look_closer() -> jax.Array:
        stays_finite = _stays_finite(inner_state, next_inner_state())
        return all_finite(gradients, axis_name) & on_all_devices(stays_finite, axis_name)

    return jax.lax.cond(unsuspicious, lambda: jnp.asarray(True), look_closer)


def _sum_of_squares(leaf: jax.Array) -> jax.Array:
    wide = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
    return jnp.sum(jnp.real(wide * jnp.conj(wide)))


def _stays_finite(before: optax.OptState, after: optax.OptState) -> jax.Array:
    """Return whether everything that was finite in a state still is."""
    pairs = zip(_inexact(before), _inexact(after), strict=True)
    return _all(jnp.all(jnp.isfinite(new) | ~jnp.isfinite(old)) for old, new in pairs)


def _inexact(tree: Any) -> list[jax.Array]:
    leaves = map(as_array, jax.tree.leaves(tree))
    return [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]


def _all(flags: Iterable[jax.Array]) -> jax.Array:
    return jnp.all(jnp.stack([jnp.asarray(True), *flags]))
