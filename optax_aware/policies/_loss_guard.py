"""Which losses are to be believed, and when the way back is the better one."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._types import Scalar
from optax_aware.policies._scale import counted
from optax_aware.statistics import RobustLevelState, robust_level

SPIKE_DEVIATIONS = 8.0
"""Mean absolute deviations above the level: over six standard deviations of Gaussian noise."""

SPIKE_PROGRESS = 0.1
"""The part of all progress that a value may lose besides; deviations shrink in a steep descent."""

CLIMB_PROGRESS = 0.5
CLIMB_DEVIATIONS = 3.0
"""A level that has lost half of all progress, and three deviations more, has climbed."""

CALM_STEPS = 10
"""Believed values after a rewind before the level is compared with the best: its memory."""

LARGEST_VALUE = 1e37
"""Values are clipped to this, so that no sum of a few of them overflows."""

_LEVEL = robust_level()


class GuardState(NamedTuple):
    """What is remembered of the losses.

    Attributes:
      guard_level: level and deviation of the believed values.
      guard_doubt: the same of the values in a row that are not believed.
      guard_first: the level at the start, or after the data changed, float32.
      guard_best: the lowest level since, float32.
      guard_best_deviation: the deviation there: the present one grows with a divergence, and
        would excuse it, float32.
      guard_bad_run: values in a row that are not believed, int32.
      guard_calm: values that were believed since the last rewind, int32.
      guard_since_keep: values since the last snapshot, int32.
    """

    guard_level: RobustLevelState
    guard_doubt: RobustLevelState
    guard_first: jax.Array
    guard_best: jax.Array
    guard_best_deviation: jax.Array
    guard_bad_run: jax.Array
    guard_calm: jax.Array
    guard_since_keep: jax.Array


class LossView(NamedTuple):
    """What the guard makes of one value: flags, and the numbers behind them in loss units."""

    finite: jax.Array
    believed: jax.Array
    climbed: jax.Array
    exhausted: jax.Array
    drifted: jax.Array
    near_best: jax.Array
    level: jax.Array
    deviation: jax.Array
    progress: jax.Array


def first_guard() -> GuardState:
    """Return the state before the first value."""
    return GuardState(
        guard_level=_LEVEL.init(),
        guard_doubt=_LEVEL.init(),
        guard_first=jnp.zeros((), jnp.float32),
        guard_best=jnp.zeros((), jnp.float32),
        guard_best_deviation=jnp.zeros((), jnp.float32),
        guard_bad_run=jnp.zeros((), jnp.int32),
        guard_calm=jnp.zeros((), jnp.int32),
        guard_since_keep=jnp.zeros((), jnp.int32),
    )


def listen(state: GuardState, value: jax.Array, finite: jax.Array) -> GuardState:
    """Take a value into the level before anything is judged."""
    level = _taken_in(state.guard_level, value, finite)
    return state._replace(
        guard_level=level,
        guard_first=level.robust_level,
        guard_best=level.robust_level,
        guard_best_deviation=level.robust_deviation,
    )


def judge(
    state: GuardState,
    value: jax.Array,
    finite: jax.Array,
    patience: Scalar | int,
    drift_patience: Scalar | int,
) -> tuple[GuardState, LossView]:
    """Compare a value with its predecessors and take it in if it is believed."""
    _, announced = _LEVEL.update(state.guard_level, value)
    drop = jnp.maximum(state.guard_first - state.guard_best, 0.0)
    tolerated = SPIKE_DEVIATIONS * announced.deviation + SPIKE_PROGRESS * drop
    believed = finite & (announced.excess <= tolerated)
    level = _taken_in(state.guard_level, value, believed)
    bad_run = jnp.where(believed, 0, counted(state.guard_bad_run, ~believed))
    doubt = jax.tree.map(
        lambda fresh, old: jnp.where(bad_run <= 1, fresh, old), _LEVEL.init(), state.guard_doubt
    )
    doubt = _taken_in(doubt, value, finite & ~believed)

    settled = believed & (state.guard_calm > CALM_STEPS)
    mean, deviation = level.robust_level, level.robust_deviation
    lost = CLIMB_PROGRESS * drop + CLIMB_DEVIATIONS * jnp.minimum(
        deviation, state.guard_best_deviation
    )
    better = settled & (mean < state.guard_best)
    best = jnp.where(better, mean, state.guard_best)
    # Values that are not finite say nothing about what the data have become.
    drifted = (bad_run >= jnp.asarray(drift_patience)) & (doubt.robust_seen > 0) & finite
    view = LossView(
        finite=finite,
        believed=believed,
        climbed=settled & (mean > state.guard_best + lost),
        exhausted=bad_run == jnp.asarray(patience),
        drifted=drifted,
        near_best=believed & (mean <= best + SPIKE_PROGRESS * drop + deviation),
        level=mean,
        deviation=deviation,
        progress=jnp.maximum(state.guard_first - best, 0.0),
    )
    after = GuardState(
        guard_level=level,
        guard_doubt=doubt,
        guard_first=state.guard_first,
        guard_best=best,
        guard_best_deviation=jnp.where(better, deviation, state.guard_best_deviation),
        guard_bad_run=bad_run,
        guard_calm=counted(state.guard_calm, believed),
        guard_since_keep=counted(state.guard_since_keep, jnp.asarray(True)),
    )
    return after, view


def settle(
    state: GuardState, view: LossView, rewound: jax.Array, restored: jax.Array, kept: jax.Array
) -> GuardState:
    """Note what was done about it: a rewind (and whether it was carried out), a snapshot."""
    level = state.guard_level
    level = level._replace(
        robust_level=jnp.where(restored & view.finite, state.guard_best, level.robust_level)
    )
    noted = state._replace(
        guard_level=level,
        guard_calm=jnp.where(rewound, 0, state.guard_calm),
        guard_since_keep=jnp.where(kept, 0, state.guard_since_keep),
    )
    doubt = state.guard_doubt
    deviation = jnp.maximum(doubt.robust_deviation, level.robust_deviation)
    moved = noted._replace(
        guard_level=doubt._replace(robust_deviation=deviation),
        guard_first=doubt.robust_level,
        guard_best=doubt.robust_level,
        guard_best_deviation=deviation,
        guard_bad_run=jnp.zeros((), jnp.int32),
        guard_calm=jnp.zeros((), jnp.int32),
    )
    return jax.tree.map(lambda new, old: jnp.where(view.drifted, new, old), moved, noted)


def _taken_in(level: RobustLevelState, value: jax.Array, believed: jax.Array) -> RobustLevelState:
    advanced, _ = _LEVEL.update(level, value)
    return jax.tree.map(lambda new, old: jnp.where(believed, new, old), advanced, level)
