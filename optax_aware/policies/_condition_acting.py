"""How `condition_based` goes on: it ramps, holds, and judges every value."""

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Evidence, Observation
from optax_aware.policies._climb_trial import MEAN_ERROR
from optax_aware.policies._condition_state import (
    PHASE_HOLDING,
    PHASE_RAMPING,
    ConditionBasedState,
    Settings,
)
from optax_aware.policies._loss_guard import GuardState, LossView, judge, settle
from optax_aware.policies._rate_search import (
    LARGEST_RATE,
    SearchState,
    SlopeView,
    forget_slopes,
    ramped,
    watch_slope,
)
from optax_aware.policies._revision import (
    AGAIN_AFTER,
    BEYOND,
    GATE,
    OVERSHOOT_ROOF,
    PathView,
    RevisionState,
    first_revision,
    log_change,
    watch_path,
)
from optax_aware.policies._scale import bounded, chosen

RAMP_RETREAT = 8.0
HOLD_RETREAT = 2.0
"""What the rate is divided by when it did harm: little is known of it in the ramp."""

RAMP_CEILING = 1.0 / 3.0
HOLD_CEILING = 1.5
"""The ceiling after harm, in parts of the rate that did it and of the rate after it."""

RAMP_GROWN = 3.0
"""A ramp that blows up sooner after its start says nothing about where it should end."""

RATE_FLOOR = 1e-3
"""Retreats end at this part of the found rate, or of the first: from 0 nothing comes back."""

FADED = 0.999
"""A shape below this part of its peak is on its way down: the rate is not raised against it."""

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
    ramping = state.condition_phase == PHASE_RAMPING
    rewindable = jnp.asarray(observation.rewindable)
    calm = state.condition_guard.guard_calm > 0
    guard, loss = judge(
        state.condition_guard, value, finite, settings.patience, settings.drift_patience
    )
    active = counted(state.condition_active_steps, loss.believed)
    search, slope = watch_slope(
        state.condition_search, observation, calm & loss.believed, settings.threshold
    )
    revision, path = watch_path(
        state.condition_revision, observation, slope.overshoot, ~ramping & loss.believed
    )

    turn = jnp.where(slope.descending, state.condition_rate, search.search_turn)
    at_ceiling = state.condition_rate >= search.search_ceiling
    found = ramping & slope.known & (slope.turned | at_ceiling)
    harmed = ~found & (loss.climbed | loss.exhausted)
    # The values at the snapshot will tell whether the parameters or the data are to blame.
    asks = harmed & ~loss.climbed & rewindable
    told = (state.condition_suspect > 0) & loss.believed & ~harmed
    # What cannot be undone is not to come to pass: nobody goes to the edge without a way back.
    swings = ~ramping & ~rewindable & slope.known & (slope.overshoot > BEYOND)
    swings = swings & (revision.revision_steps > AGAIN_AFTER)
    guilty = (harmed & ~asks) | told | swings

    searched = _searched(settings, state, search, slope, turn, found)
    ceiling = _risen(search.search_ceiling, active, loss.believed)
    rate, ceiling = _retreat(guilty, state, searched, ceiling)

    grown = rate / jnp.where(state.condition_found_rate > 0.0, state.condition_found_rate, 1.0)
    change = log_change(path, revision.revision_steps, active, grown, loss.progress)
    shape = jnp.asarray(observation.shape, jnp.float32)
    peak = jnp.maximum(state.condition_peak, jnp.where(jnp.isfinite(shape), shape, 0.0))
    change = jnp.where(shape < FADED * peak, jnp.minimum(change, 0.0), change)
    revised = jnp.minimum(rate * jnp.exp(change), ceiling)
    rate = jnp.where(~ramping & loss.believed & ~harmed, revised, rate)
    found_rate = jnp.where(found, rate, state.condition_found_rate)
    begins_anew = loss.drifted & ~ramping
    ceiling = jnp.where(begins_anew, jnp.maximum(rate, found_rate), ceiling)
    rate = bounded(rate, state.condition_rate, 0.0, jnp.minimum(ceiling, LARGEST_RATE))

    rewind = harmed | found
    restored = rewind & rewindable
    due = _keep_due(guard, revision, ramping, slope) & loss.worth_keeping & ~rewind
    keep = loss.drifted | loss.acquitted | due
    left = rewind | loss.drifted | swings
    unmoved = search._replace(search_ceiling=ceiling, search_turn=turn)
    after = state._replace(
        condition_phase=jnp.where(found, jnp.int32(PHASE_HOLDING), state.condition_phase),
        condition_rate=rate,
        condition_found_rate=found_rate,
        condition_found_steps=jnp.where(found, active, state.condition_found_steps),
        condition_active_steps=jnp.where(begins_anew, state.condition_found_steps, active),
        condition_peak=peak,
        condition_suspect=asks.astype(jnp.int32),
        condition_guard=settle(guard, loss, rewind, restored, keep),
        condition_search=chosen(left, forget_slopes(unmoved, rate), unmoved),
        condition_revision=chosen(loss.drifted, first_revision(), revision),
    )
    return after, Decision(
        scale=_per_peak(rate, peak),
        condition=_condition(loss, path, ramping, harmed, revision.revision_steps),
        skip=~loss.believed & ~restored & ~loss.drifted,
        rewind=rewind,
        keep=keep,
        restart_average=found | restored | loss.drifted,
        observe=jnp.asarray(False),
        evidence=_evidence(loss, path),
    )


def _searched(
    settings: Settings,
    state: ConditionBasedState,
    search: SearchState,
    slope: SlopeView,
    turn: jax.Array,
    found: jax.Array,
) -> jax.Array:
    """Return the rate of the ramp after this step: the next one, or the one that was found."""
    rate = state.condition_rate
    higher = ramped(rate, slope, search.search_ceiling, settings.growth, settings.boost)
    rate = jnp.where((state.condition_phase == PHASE_RAMPING) & slope.known, higher, rate)
    return jnp.where(found, turn * jnp.asarray(settings.factor, jnp.float32), rate)


def _evidence(loss: LossView, path: PathView) -> Evidence:
    return Evidence(
        value_mean=loss.level,
        value_standard_error=LEVEL_ERROR * loss.deviation,
        progress=loss.progress,
        annealing_gain=path.annealing_gain,
    )


def _retreat(
    guilty: jax.Array, state: ConditionBasedState, rate: jax.Array, ceiling: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Lower a rate that did harm, and remember not to come back soon."""
    ramping = state.condition_phase == PHASE_RAMPING
    start, found = state.condition_search.search_start, state.condition_found_rate
    floor = RATE_FLOOR * jnp.where(found > 0.0, found, start)
    lowered = rate / jnp.where(ramping, RAMP_RETREAT, HOLD_RETREAT)
    in_ramp = jnp.where(rate > RAMP_GROWN * start, rate * RAMP_CEILING, ceiling)
    limit = jnp.minimum(ceiling, jnp.where(ramping, in_ramp, lowered * HOLD_CEILING))
    return (
        jnp.where(guilty, jnp.maximum(lowered, floor), rate),
        jnp.where(guilty, jnp.maximum(limit, floor), ceiling),
    )


def _keep_due(
    guard: GuardState, revision: RevisionState, ramping: jax.Array, slope: SlopeView
) -> jax.Array:
    """Return whether the next snapshot is due: in the ramp, wherever it may be gone back to."""
    lag = HOLD_KEEP + (HOLD_KEEP_FRACTION * revision.revision_steps).astype(jnp.int32)
    lag = jnp.where(ramping, RAMP_KEEP, lag)
    return (guard.guard_since_keep >= lag) | (ramping & slope.descending)


def _per_peak(rate: jax.Array, peak: jax.Array) -> jax.Array:
    """Return the scale for a rate that a shape at its peak is to have."""
    return bounded(rate / jnp.where(peak > 0.0, peak, 1.0), rate, 0.0, LARGEST_RATE)


def _risen(ceiling: jax.Array, active: jax.Array, believed: jax.Array) -> jax.Array:
    """Let a ceiling rise in proportion to time, so that no verdict stands for ever."""
    grown = ceiling * (1.0 + 1.0 / (active.astype(jnp.float32) + 1.0))
    return jnp.where(believed, jnp.minimum(grown, LARGEST_RATE), ceiling)


def _condition(
    loss: LossView, path: PathView, ramping: jax.Array, harmed: jax.Array, held_steps: jax.Array
) -> jax.Array:
    """Return what is seen, the gravest first."""
    judged = held_steps > 1
    cases = (
        (~loss.finite, Condition.NONFINITE),
        (loss.drifted | loss.acquitted, Condition.DRIFTED),
        (harmed, Condition.DIVERGING),
        (~loss.believed, Condition.SPIKE),
        (ramping, Condition.RAMPING),
        (~loss.near_best, Condition.RISING),
        (judged & (path.score > GATE), Condition.NOISE_LIMITED),
        (judged & (path.score < -GATE), Condition.DESCENDING),
        (judged & (path.overshoot > OVERSHOOT_ROOF), Condition.OSCILLATING),
    )
    return jnp.select(
        [flag for flag, _ in cases],
        [jnp.int32(condition) for _, condition in cases],
        jnp.int32(Condition.FLAT),
    )
