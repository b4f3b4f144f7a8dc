"""What is left of an update of which nothing was usable: what policies saw, and a rewind."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware.transforms._aware_state import AwareState
from optax_aware.transforms._awareness import AwarenessState
from optax_aware.transforms._leaves import zeros_like
from optax_aware.transforms._snapshot import SnapshotState


def holds_policy(opt_state: optax.OptState) -> bool:
    """Return whether anything in an optimizer state listens to the loss."""
    return any(map(_listens, jax.tree.leaves(opt_state, is_leaf=_listens)))


def policies_alone(
    skip: jax.Array, before: optax.OptState, after: optax.OptState
) -> optax.OptState:
    """Return ``after``; where ``skip`` is true, only the states of policies are taken from it.

    The state of `aware` is taken as a whole: where its step is skipped it holds its inner
    optimizer by itself, and where it rewinds it goes back with it.
    """

    def choose(old: Any, new: Any) -> Any:
        return new if _listens(old) else jnp.where(skip, old, new)

    return jax.tree.map(choose, before, after, is_leaf=_listens)


def rewinds_alone(
    skip: jax.Array, updates: optax.Updates, before: optax.OptState, after: optax.OptState
) -> optax.Updates:
    """Return ``updates``; where ``skip`` is true, only those that lead back to a snapshot.

    A policy may rewind because nothing has been finite for some time: the parameters that its
    snapshot holds have to follow then, and under ``optax.partition`` these are its label's.
    """
    leaves, structure = jax.tree.flatten(updates, is_leaf=lambda node: node is None)
    passes = [~skip] * len(leaves)
    for (rewound, snapshot), (rewound_now, _) in zip(
        _rewinders(before), _rewinders(after), strict=True
    ):
        held = _held(structure, snapshot.snapshot_params)
        # Either this update leads to the snapshot, or it settles an earlier rewind.
        rewinds = (rewound_now > rewound) | (snapshot.snapshot_attempts_left > 0)
        passes = [
            passing | rewinds if is_held else passing
            for passing, is_held in zip(passes, held, strict=True)
        ]
    return jax.tree.unflatten(
        structure, [_where(passing, leaf) for passing, leaf in zip(passes, leaves, strict=True)]
    )


def _listens(node: Any) -> bool:
    return isinstance(node, (AwareState, AwarenessState))


def _rewinders(opt_state: optax.OptState) -> list[tuple[jax.Array, SnapshotState]]:
    """Return how often each `aware` with a snapshot has rewound, and that snapshot."""
    return [
        (node.aware_awareness.aware_rewound, node.aware_snapshot)
        for node in jax.tree.leaves(opt_state, is_leaf=_listens)
        if isinstance(node, AwareState) and isinstance(node.aware_snapshot, SnapshotState)
    ]


def _held(structure: Any, snapshot_params: optax.Params) -> list[bool]:
    """Return for each update whether a snapshot holds its parameter; a mask has no leaves."""
    try:
        parts = structure.flatten_up_to(snapshot_params)
    except ValueError:  # Parameters in another form, such as one long vector: all of them.
        return [True] * structure.num_leaves
    return [bool(jax.tree.leaves(part)) for part in parts]


def _where(passes: jax.Array, update: Any) -> Any:
    if update is None or update.dtype == jax.dtypes.float0:
        return update
    return jnp.where(passes, update, zeros_like(update))
