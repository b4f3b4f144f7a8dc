"""The state of `aware`, and what it is refused for."""

from typing import Any, NamedTuple

import jax
import optax

from optax_aware._types import Policy
from optax_aware.transforms._arguments import check_made_alike, check_state
from optax_aware.transforms._average import AverageState
from optax_aware.transforms._awareness import AwarenessState
from optax_aware.transforms._inputs import check_kept
from optax_aware.transforms._path import PathState
from optax_aware.transforms._snapshot import SnapshotState


class AwareState(NamedTuple):
    """The state of `aware`.

    Attributes:
      aware_awareness: what the policy has seen and decided.
      aware_inner_state: the state of the inner optimizer.
      aware_direction_sign: 1 where the inner optimizer gives a direction, -1 where its
        updates already point downhill.
      aware_snapshot: what a rewind restores; empty where the policy never rewinds.
      aware_average: the running average of the parameters; empty where there is none.
      aware_path: sampled coordinates of update and averages; empty where the policy does not
        ask for what they tell.
    """

    aware_awareness: AwarenessState
    aware_inner_state: optax.OptState
    aware_direction_sign: jax.Array
    aware_snapshot: SnapshotState | optax.EmptyState
    aware_average: AverageState | optax.EmptyState
    aware_path: PathState | optax.EmptyState


def check_aware_state(state: Any, policy: Policy, *, rewind: bool, average: bool) -> None:
    """Refuse the state of something else, or one made under another policy or other options."""
    check_state(state, AwareState)
    check_made_alike(
        state.aware_awareness.aware_policy_state,
        policy.init(),
        rewind=(isinstance(state.aware_snapshot, SnapshotState), rewind),
        average=(isinstance(state.aware_average, AverageState), average),
    )


def check_aware_params(params: Any, state: AwareState, policy: Policy) -> None:
    """Refuse parameters that are missing where something is taken of them, or are others."""
    kept = []
    if isinstance(state.aware_snapshot, SnapshotState):
        kept.append(state.aware_snapshot.snapshot_params)
    if isinstance(state.aware_average, AverageState):
        kept.append(state.aware_average.average_params)
    follows_path = isinstance(state.aware_path, PathState)
    if params is None and (kept or follows_path or "params_norm" in policy.observes):
        raise ValueError(
            "params must be the current parameters, got params=None: averages, snapshots "
            "and their norm are taken of them. Use tx.update(grads, opt_state, params, "
            "value=loss)."
        )
    for tree in kept:
        check_kept(params, tree)
