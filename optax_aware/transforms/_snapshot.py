"""Copies of parameters and inner state to go back to, taken and restored rarely."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from optax_aware._types import AxisName
from optax_aware.transforms._awareness import AwarenessState, Verdict
from optax_aware.transforms._inputs import on_all_devices
from optax_aware.transforms._leaves import as_array, inexact, rarely

ATTEMPTS_TO_SETTLE = 4
"""Each gains at least the digits of the dtype: what has not arrived by then is not finite."""

NEAR_ENOUGH = 1e-5
"""Of the largest parameter of a leaf: what is closer to its snapshot has arrived, or the last bit
would decide whether another step is held."""


class SnapshotState(NamedTuple):
    """What a rewind restores.

    Attributes:
      snapshot_params: the parameters as they were.
      snapshot_inner_state: the inner optimizer's state as it was.
      snapshot_attempts_left: how often the last rewind may still go on towards the snapshot;
        0 once it has arrived.
    """

    snapshot_params: optax.Params
    snapshot_inner_state: optax.OptState
    snapshot_attempts_left: jax.Array


def _copied(tree):
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), tree)


def first_snapshot(params: optax.Params, inner_state: optax.OptState) -> SnapshotState:
    """Return a snapshot of the start, in arrays of its own."""
    return SnapshotState(_copied(params), _copied(inner_state), jnp.int32(0))


def take_snapshot(
    keep: jax.Array,
    held: jax.Array,
    snapshot: SnapshotState,
    params: Any,
    inner_state: optax.OptState,
) -> tuple[SnapshotState, jax.Array]:
    """Replace the snapshot where ``keep`` is true; elsewhere nothing is copied.

    ``held`` comes back with the value it has: no snapshot is kept where a step is held. The step
    that asks for it then waits for the snapshot, and may overwrite in place what has been copied
    here; otherwise XLA copies it once more, at every step.
    """
    new = SnapshotState(params, inner_state, snapshot.snapshot_attempts_left)
    return jax.lax.cond(keep, lambda: (new, jnp.zeros_like(held)), lambda: (snapshot, held))


def restore_snapshot(
    rewind: jax.Array,
    snapshot: SnapshotState,
    params: Any,
    updates: optax.Updates,
    inner_state: optax.OptState,
    axis_name: AxisName | None,
) -> tuple[optax.Updates, optax.OptState, SnapshotState]:
    """Return the updates that lead back to the snapshot, and the state that belongs there.

    Updates are added to the parameters, so far away from the snapshot the sum is rounded by
    as much as the parameters have grown, and no update reaches further than its dtype. The
    next steps go the rest of the way, a few at most: parameters that are not finite never
    arrive. Where devices of ``axis_name`` have parameters of their own, all wait for the last.
    """

    def restore() -> tuple[optax.Updates, optax.OptState, jax.Array]:
        back = jax.tree.map(_difference, snapshot.snapshot_params, params, updates)
        arrived = _arrived(params, back, snapshot.snapshot_params)
        arrived = on_all_devices(arrived, axis_name)
        started = snapshot.snapshot_attempts_left == 0
        left = jnp.where(started, ATTEMPTS_TO_SETTLE, snapshot.snapshot_attempts_left - 1)
        left = jnp.where(arrived, 0, left).astype(jnp.int32)
        return back, snapshot.snapshot_inner_state, left

    def go_on() -> tuple[optax.Updates, optax.OptState, jax.Array]:
        return updates, inner_state, jnp.int32(0)

    # The snapshot itself stays outside: what passes through a branch may be copied there.
    updates, inner_state, left = jax.lax.cond(rewind, restore, go_on)
    return updates, inner_state, snapshot._replace(snapshot_attempts_left=left)


def settle_first(
    settling: jax.Array, before: AwarenessState, after: AwarenessState, verdict: Verdict
) -> tuple[AwarenessState, Verdict]:
    """Finish a rewind that has not quite arrived, without asking the policy meanwhile."""
    waiting = before._replace(
        aware_updates_seen=after.aware_updates_seen, aware_nonfinite=after.aware_nonfinite
    )
    return rarely(settling, waiting, after), verdict._replace(
        rewind=verdict.rewind | settling, keep=verdict.keep & ~settling
    )


def _difference(goal: jax.Array, leaf: Any, update: jax.Array) -> jax.Array:
    if update.dtype == jax.dtypes.float0:
        return update
    wide = jnp.promote_types(goal.dtype, jnp.float32)
    difference = goal.astype(wide) - as_array(leaf).astype(wide)
    if jnp.issubdtype(update.dtype, jnp.complexfloating):
        parts = jnp.real(difference), jnp.imag(difference)
        difference = jax.lax.complex(*(_clipped(part, update.dtype) for part in parts))
    elif jnp.issubdtype(update.dtype, jnp.floating):
        difference = _clipped(difference, update.dtype)
    return difference.astype(update.dtype)


def _clipped(difference: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Return what ``dtype``, or a part of it, can hold."""
    largest = jnp.finfo(dtype).max.astype(difference.dtype)
    return jnp.clip(difference, -largest, largest)


def _arrived(params: optax.Params, back: optax.Updates, goal: optax.Params) -> jax.Array:
    landed: Any = optax.apply_updates(inexact(params), inexact(back))
    return jnp.all(jnp.stack([jnp.asarray(True), *map(_close, landed, inexact(goal))]))


def _close(leaf: jax.Array, goal: jax.Array) -> jax.Array:
    size = jnp.abs(goal)
    rounding = 2.0 * float(jnp.finfo(goal.dtype).eps) * size
    return jnp.all(jnp.abs(leaf - goal) <= rounding + NEAR_ENOUGH * jnp.max(size, initial=0.0))
