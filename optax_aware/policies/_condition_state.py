"""What `condition_based` is told once, and what it remembers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._types import Scalar
from optax_aware.policies._loss_guard import GuardState, first_guard
from optax_aware.policies._rate_search import SearchState, first_search
from optax_aware.policies._revision import RevisionState, first_revision
from optax_aware.statistics import BlockMeanState, block_mean

PHASE_LISTENING, PHASE_RAMPING, PHASE_HOLDING = 0, 1, 2


class Settings(NamedTuple):
    """The arguments of `condition_based`."""

    listen_steps: Scalar | int
    growth: Scalar | float
    boost: Scalar | float
    threshold: Scalar | float
    factor: Scalar | float
    patience: Scalar | int
    drift_patience: Scalar | int


class ConditionBasedState(NamedTuple):
    """What `condition_based` remembers.

    Attributes:
      condition_phase: 0 listening, 1 ramping, 2 holding, int32.
      condition_rate: the present rate, float32.
      condition_found_rate: the rate at the end of the ramp; 0 before it, float32.
      condition_found_steps: the active steps until then, int32.
      condition_active_steps: believed steps since listening ended, int32.
      condition_peak: the largest shape so far, which the rate refers to, float32.
      condition_suspect: 1 after a rewind whose cause the next value will tell, int32.
      condition_nonfinite_seen: steps at which the loss or a gradient was not finite, int32.
      condition_listened: the first values.
      condition_guard: what is remembered of the losses.
      condition_search: what is remembered of the slopes along single updates.
      condition_revision: what is remembered of the slope of the path.
    """

    condition_phase: jax.Array
    condition_rate: jax.Array
    condition_found_rate: jax.Array
    condition_found_steps: jax.Array
    condition_active_steps: jax.Array
    condition_peak: jax.Array
    condition_suspect: jax.Array
    condition_nonfinite_seen: jax.Array
    condition_listened: BlockMeanState
    condition_guard: GuardState
    condition_search: SearchState
    condition_revision: RevisionState


def first_state() -> ConditionBasedState:
    """Return the state before the first value."""
    return ConditionBasedState(
        condition_phase=jnp.array(PHASE_LISTENING, jnp.int32),
        condition_rate=jnp.zeros((), jnp.float32),
        condition_found_rate=jnp.zeros((), jnp.float32),
        condition_found_steps=jnp.zeros((), jnp.int32),
        condition_active_steps=jnp.zeros((), jnp.int32),
        condition_peak=jnp.zeros((), jnp.float32),
        condition_suspect=jnp.zeros((), jnp.int32),
        condition_nonfinite_seen=jnp.zeros((), jnp.int32),
        condition_listened=block_mean(2).init(),
        condition_guard=first_guard(),
        condition_search=first_search(),
        condition_revision=first_revision(),
    )
