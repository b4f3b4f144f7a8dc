"""How `condition_based` moves its rate: up the ramp, back after harm, and on in the hold."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._types import Observation
from optax_aware.policies._condition_seeing import Seen, Verdicts
from optax_aware.policies._condition_state import PHASE_RAMPING, ConditionBasedState, Settings
from optax_aware.policies._rate_search import LARGEST_RATE, ramped
from optax_aware.policies._revision import log_change
from optax_aware.policies._scale import bounded

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


class Moved(NamedTuple):
    """The rate after a step, and what it is measured by.

    Attributes:
      rate: the rate, where a schedule is at its peak.
      ceiling: what it may not exceed at present.
      found_rate: the rate at the end of the ramp; 0 before it.
      peak: the largest shape so far.
      scale: what the shape is to be multiplied by.
    """

    rate: jax.Array
    ceiling: jax.Array
    found_rate: jax.Array
    peak: jax.Array
    scale: jax.Array


def move_rate(
    settings: Settings,
    state: ConditionBasedState,
    observation: Observation,
    seen: Seen,
    verdicts: Verdicts,
) -> Moved:
    """Return the rate that follows from what was seen."""
    loss, ramping = seen.loss, seen.ramping
    ceiling = _risen(seen.search.search_ceiling, seen.active, loss.believed)
    searched = _searched(settings, state, seen, verdicts, ceiling)
    rate, ceiling = _retreat(verdicts.guilty, state, searched, ceiling)

    shape = jnp.asarray(observation.shape, jnp.float32)
    peak = jnp.maximum(state.condition_peak, jnp.where(jnp.isfinite(shape), shape, 0.0))
    fades = shape < FADED * peak
    revised = jnp.minimum(rate * jnp.exp(_held_change(state, seen, rate, fades)), ceiling)
    rate = jnp.where(~ramping & loss.believed & ~verdicts.harmed, revised, rate)
    found_rate = jnp.where(verdicts.found, rate, state.condition_found_rate)
    begins_anew = loss.drifted & ~ramping
    ceiling = jnp.where(begins_anew, jnp.maximum(rate, found_rate), ceiling)
    rate = bounded(rate, state.condition_rate, 0.0, jnp.minimum(ceiling, LARGEST_RATE))
    return Moved(rate, ceiling, found_rate, peak, _per_peak(rate, peak))


def _held_change(
    state: ConditionBasedState, seen: Seen, rate: jax.Array, fades: jax.Array
) -> jax.Array:
    """Return the change of the logarithm in the hold, none upward against a shape that fades."""
    found_rate = state.condition_found_rate
    grown = rate / jnp.where(found_rate > 0.0, found_rate, 1.0)
    held_steps = seen.revision.revision_steps
    change = log_change(seen.path, held_steps, seen.active, grown, seen.loss.progress)
    return jnp.where(fades, jnp.minimum(change, 0.0), change)


def _searched(
    settings: Settings,
    state: ConditionBasedState,
    seen: Seen,
    verdicts: Verdicts,
    ceiling: jax.Array,
) -> jax.Array:
    """Return the rate of the ramp after this step: the next one, or the one that was found."""
    rate = state.condition_rate
    higher = ramped(rate, seen.slope, ceiling, settings.growth, settings.boost)
    rate = jnp.where(seen.ramping & seen.slope.known, higher, rate)
    return jnp.where(
        verdicts.found, verdicts.turn * jnp.asarray(settings.factor, jnp.float32), rate
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


def _per_peak(rate: jax.Array, peak: jax.Array) -> jax.Array:
    """Return the scale for a rate that a shape at its peak is to have."""
    return bounded(rate / jnp.where(peak > 0.0, peak, 1.0), rate, 0.0, LARGEST_RATE)


def _risen(ceiling: jax.Array, active: jax.Array, believed: jax.Array) -> jax.Array:
    """Let a ceiling rise in proportion to time, so that no verdict stands for ever."""
    grown = ceiling * (1.0 + 1.0 / (active.astype(jnp.float32) + 1.0))
    return jnp.where(believed, jnp.minimum(grown, LARGEST_RATE), ceiling)
