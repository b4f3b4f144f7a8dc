"""How `condition_based` goes on: it ramps, holds, and judges every value."""

import jax
import jax.numpy as jnp

from optax_aware._types import Decision, Evidence, Observation
from optax_aware.policies._climb_trial import MEAN_ERROR
from optax_aware.policies._condition_rate import Moved, move_rate
from optax_aware.policies._condition_seeing import Seen, Verdicts, condition_of, judged, see
from optax_aware.policies._condition_state import PHASE_HOLDING, ConditionBasedState, Settings
from optax_aware.policies._loss_guard import settle
from optax_aware.policies._rate_search import forget_slopes
from optax_aware.policies._revision import first_revision
from optax_aware.policies._scale import chosen

RAMP_KEEP = 10
HOLD_KEEP = 25
HOLD_KEEP_FRACTION = 0.1
"""Steps between snapshots: their lag stays a fixed part of the run."""

LEVEL_ERROR = MEAN_ERROR * (0.1 / 1.9) ** 0.5
"""Standard error of a running mean of decay 0.9 in mean absolute deviations, Gaussian noise."""


def act(
    settings: Settings,
    state: ConditionBasedState,
    observation: Observation,
    value: jax.Array,
    finite: jax.Array,
) -> tuple[ConditionBasedState, Decision]:
    """Judge a value of the ramp or of the hold, and decide about the rate."""
    seen = see(settings, state, observation, value, finite)
    rewindable = jnp.asarray(observation.rewindable)
    verdicts = judged(state, seen, rewindable)
    moved = move_rate(settings, state, observation, seen, verdicts)
    loss = seen.loss
    rewind = verdicts.harmed | verdicts.found
    restored = rewind & rewindable
    keep = loss.drifted | loss.acquitted | (_keep_due(seen) & loss.worth_keeping & ~rewind)
    decision = Decision(
        scale=moved.scale,
        condition=condition_of(seen, verdicts.harmed),
        skip=~loss.believed & ~restored & ~loss.drifted,
        rewind=rewind,
        keep=keep,
        restart_average=verdicts.found | restored | loss.drifted,
        observe=jnp.asarray(False),
        evidence=_evidence(seen),
    )
    return _remembered(state, seen, verdicts, moved, restored, keep), decision


def _remembered(
    state: ConditionBasedState,
    seen: Seen,
    verdicts: Verdicts,
    moved: Moved,
    restored: jax.Array,
    keep: jax.Array,
) -> ConditionBasedState:
    """Return the state after this step; where parameters or data have jumped, slopes are over."""
    loss, found = seen.loss, verdicts.found
    rewind = verdicts.harmed | found
    jumped = rewind | loss.drifted | verdicts.swings
    search = seen.search._replace(search_ceiling=moved.ceiling, search_turn=verdicts.turn)
    begins_anew = loss.drifted & ~seen.ramping
    return state._replace(
        condition_phase=jnp.where(found, jnp.int32(PHASE_HOLDING), state.condition_phase),
        condition_rate=moved.rate,
        condition_found_rate=moved.found_rate,
        condition_found_steps=jnp.where(found, seen.active, state.condition_found_steps),
        condition_active_steps=jnp.where(begins_anew, state.condition_found_steps, seen.active),
        condition_peak=moved.peak,
        condition_suspect=verdicts.asks.astype(jnp.int32),
        condition_guard=settle(seen.guard, loss, rewind, restored, keep),
        condition_search=chosen(jumped, forget_slopes(search, moved.rate), search),
        condition_revision=chosen(loss.drifted, first_revision(), seen.revision),
    )


def _evidence(seen: Seen) -> Evidence:
    loss = seen.loss
    return Evidence(
        value_mean=loss.level,
        value_standard_error=LEVEL_ERROR * loss.deviation,
        progress=loss.progress,
        annealing_gain=seen.path.annealing_gain,
    )


def _keep_due(seen: Seen) -> jax.Array:
    """Return whether the next snapshot is due: in the ramp, wherever it may be gone back to."""
    ramping = seen.ramping
    held_steps = seen.revision.revision_steps.astype(jnp.float32)
    lag = HOLD_KEEP + (HOLD_KEEP_FRACTION * held_steps).astype(jnp.int32)
    lag = jnp.where(ramping, RAMP_KEEP, lag)
    return (seen.guard.guard_since_keep >= lag) | (ramping & seen.slope.descending)
