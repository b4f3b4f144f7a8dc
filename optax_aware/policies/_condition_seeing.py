"""What `condition_based` sees in a value of the ramp or of the hold, and whom it blames."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted
from optax_aware._types import Condition, Observation
from optax_aware.policies._condition_state import PHASE_RAMPING, ConditionBasedState, Settings
from optax_aware.policies._loss_guard import GuardState, LossView, judge
from optax_aware.policies._rate_search import SearchState, SlopeView, watch_slope
from optax_aware.policies._revision import (
    AGAIN_AFTER,
    BEYOND,
    GATE,
    OVERSHOOT_ROOF,
    PathView,
    RevisionState,
    watch_path,
)


class Seen(NamedTuple):
    """What was seen: the statistics with the newest value in them, and what they tell."""

    ramping: jax.Array
    active: jax.Array
    guard: GuardState
    loss: LossView
    search: SearchState
    slope: SlopeView
    revision: RevisionState
    path: PathView


class Verdicts(NamedTuple):
    """What follows for the rate.

    Attributes:
      found: the ramp has come to its end.
      turn: the rate at which the slope was last on the descending side.
      harmed: parameters are worse than they were, for certain.
      asks: the values at the snapshot will tell whether parameters or data are to blame.
      swings: updates end higher than they began, where nothing can be undone.
      guilty: the rate is to blame.
    """

    found: jax.Array
    turn: jax.Array
    harmed: jax.Array
    asks: jax.Array
    swings: jax.Array
    guilty: jax.Array


def see(
    settings: Settings,
    state: ConditionBasedState,
    observation: Observation,
    value: jax.Array,
    finite: jax.Array,
) -> Seen:
    """Take a value into all statistics: of losses, of single updates, of the path."""
    ramping = state.condition_phase == PHASE_RAMPING
    calm = state.condition_guard.guard_calm > 0
    guard, loss = judge(
        state.condition_guard, value, finite, settings.patience, settings.drift_patience
    )
    search, slope = watch_slope(
        state.condition_search, observation, calm & loss.believed, settings.threshold
    )
    revision, path = watch_path(
        state.condition_revision, observation, slope.overshoot, ~ramping & loss.believed
    )
    active = counted(state.condition_active_steps, loss.believed)
    return Seen(ramping, active, guard, loss, search, slope, revision, path)


def judged(state: ConditionBasedState, seen: Seen, rewindable: jax.Array) -> Verdicts:
    """Return what follows from what was seen at the rate of ``state``."""
    loss, slope, search = seen.loss, seen.slope, seen.search
    at_ceiling = state.condition_rate >= search.search_ceiling
    found = seen.ramping & slope.known & (slope.turned | at_ceiling)
    harmed = ~found & (loss.climbed | loss.exhausted)
    asks = harmed & ~loss.climbed & rewindable
    told = (state.condition_suspect > 0) & loss.believed & ~harmed
    # What cannot be undone is not to come to pass: nobody goes to the edge without a way back.
    swings = ~seen.ramping & ~rewindable & slope.known & (slope.overshoot > BEYOND)
    swings = swings & (seen.revision.revision_steps > AGAIN_AFTER)
    return Verdicts(
        found=found,
        turn=jnp.where(slope.descending, state.condition_rate, search.search_turn),
        harmed=harmed,
        asks=asks,
        swings=swings,
        guilty=(harmed & ~asks) | told | swings,
    )


def condition_of(seen: Seen, harmed: jax.Array) -> jax.Array:
    """Return the name of what is seen, the gravest first."""
    loss, path = seen.loss, seen.path
    certain = seen.revision.revision_steps > 1
    cases = (
        (~loss.finite, Condition.NONFINITE),
        (loss.drifted | loss.acquitted, Condition.DRIFTED),
        (harmed, Condition.DIVERGING),
        (~loss.believed, Condition.SPIKE),
        (seen.ramping, Condition.RAMPING),
        (~loss.near_best, Condition.RISING),
        (certain & (path.score > GATE), Condition.NOISE_LIMITED),
        (certain & (path.score < -GATE), Condition.DESCENDING),
        (certain & (path.overshoot > OVERSHOOT_ROOF), Condition.OSCILLATING),
    )
    return jnp.select(
        [flag for flag, _ in cases],
        [jnp.int32(condition) for _, condition in cases],
        jnp.int32(Condition.FLAT),
    )
