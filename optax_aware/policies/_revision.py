"""What may still move a rate once it was found: the slope of the path as a whole."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted
from optax_aware._types import Observation
from optax_aware.statistics import GrowingMeanState, growing_mean

GATE = 2.0
"""Standard errors that the slope of the path must exceed before it moves the rate."""

FULL = 4.0
"""Standard errors at which it moves the rate at full speed."""

OVERSHOOT_ROOF = 0.5
"""Relative overshoot of single updates above which the rate is not raised."""

ALIGNED = -0.1
FULLY_ALIGNED = -0.5
AGAIN = 0.07
"""While single updates still undershoot, the ramp goes on, at up to this logarithm a step."""

AGAIN_REACH = 100.0
"""How far from the found rate that goes: a loss that vanishes would draw it on for ever."""

AGAIN_PROMISE = 0.003
"""... and the part of all progress that the path must promise still, for it to be worth it."""

BEYOND = 1.0
"""Relative overshoot above which updates end higher than they began."""

AGAIN_AFTER = 5
REVISE_AFTER = 15
"""Steps after a change of rate before its effects count."""

LEAST_STEPS = 20.0
"""The rate moves by at most one part of these, early on as well."""

_MEAN = growing_mean()


class RevisionState(NamedTuple):
    """What is remembered while the rate is held.

    Attributes:
      revision_steps: steps since the rate was found, int32.
      revision_path: the slope of the path.
      revision_lag: the slope from the average to the parameters.
      revision_overshoot: the relative overshoot of single updates.
    """

    revision_steps: jax.Array
    revision_path: GrowingMeanState
    revision_lag: GrowingMeanState
    revision_overshoot: GrowingMeanState


class PathView(NamedTuple):
    """What the path says: slope, the same in standard errors, overshoot, gain of annealing."""

    slope: jax.Array
    score: jax.Array
    overshoot: jax.Array
    annealing_gain: jax.Array


def first_revision() -> RevisionState:
    """Return the state before the rate is found."""
    return RevisionState(jnp.zeros((), jnp.int32), _MEAN.init(), _MEAN.init(), _MEAN.init())


def watch_path(
    state: RevisionState, observation: Observation, overshoot: jax.Array, holding: jax.Array
) -> tuple[RevisionState, PathView]:
    """Take in the slopes of this step while the rate is held."""
    path, slope = _MEAN.update(
        state.revision_path, jnp.where(holding, jnp.asarray(observation.gradient_dot_path), jnp.nan)
    )
    lag, gain = _MEAN.update(
        state.revision_lag, jnp.where(holding, jnp.asarray(observation.gradient_dot_lag), jnp.nan)
    )
    overshoots, mean_overshoot = _MEAN.update(
        state.revision_overshoot, jnp.where(holding, overshoot, jnp.nan)
    )
    steps = counted(state.revision_steps, holding)
    known = lag.growing_seen > 1
    view = PathView(
        slope=slope.mean,
        score=slope.score,
        overshoot=mean_overshoot.mean,
        annealing_gain=jnp.where(known, jnp.maximum(0.5 * gain.mean, 0.0), jnp.inf),
    )
    return RevisionState(steps, path, lag, overshoots), view


def log_change(
    view: PathView,
    steps: jax.Array,
    active_steps: jax.Array,
    grown: jax.Array,
    progress: jax.Array,
) -> jax.Array:
    """Return how far the logarithm of the rate moves, ``grown`` times the found one by now.

    Up and down it moves by at most 1 while the number of steps grows e-fold, so there are no
    more revisions in a run than its length has digits; only the late ramp is faster.
    """
    rising = jnp.clip((view.score - GATE) / (FULL - GATE), 0.0, 1.0)
    falling = jnp.clip((-view.score - GATE) / (FULL - GATE), 0.0, 1.0)
    raising = jnp.where(view.overshoot < OVERSHOOT_ROOF, falling, 0.0)
    patient = (raising - rising) / jnp.maximum(active_steps.astype(jnp.float32), LEAST_STEPS)
    aligned = jnp.clip((ALIGNED - view.overshoot) / (ALIGNED - FULLY_ALIGNED), 0.0, 1.0)
    worthwhile = -view.slope > AGAIN_PROMISE * progress
    again = (steps > AGAIN_AFTER) & (grown < AGAIN_REACH) & worthwhile
    return jnp.where(steps > REVISE_AFTER, patient, 0.0) + jnp.where(again, AGAIN * aligned, 0.0)
