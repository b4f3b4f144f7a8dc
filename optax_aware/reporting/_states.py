"""The states of our transforms, found anywhere in an optax state."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware.transforms._awareness import AwarenessState
from optax_aware.transforms._snapshot import SnapshotState

WHO_HOLDS_A_POLICY = (
    "Make the optimizer with aware, scale_by_policy, as_learning_rate, or accumulate and a policy."
)


def find_states(opt_state: Any, kind: type) -> list:
    """Return the states of one kind, in the order of the tree; a snapshot is no present state."""
    leaves = jax.tree.leaves(
        opt_state, is_leaf=lambda node: isinstance(node, (kind, SnapshotState))
    )
    return [leaf for leaf in leaves if isinstance(leaf, kind)]


def only_awareness(opt_state: optax.OptState) -> AwarenessState:
    """Return the state of the one policy in ``opt_state``."""
    found = find_states(opt_state, AwarenessState)
    if len(found) != 1:
        raise ValueError(
            f"opt_state must hold exactly one policy, got {len(found)}. "
            + (
                WHO_HOLDS_A_POLICY
                if not found
                else "Hand in the part that belongs to one of them, for instance "
                "opt_state.inner_states['label'] of optax.partition, or "
                "opt_state.accumulation_inner_state of accumulate."
            )
        )
    return found[0]


def unwrapped(leaf) -> jax.Array:
    """Return the array itself where a framework has wrapped it."""
    return jnp.asarray(jax.tree.leaves(leaf)[0])
