"""Which losses are to be believed, and when the way back is the better one."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted
from optax_aware._types import Scalar
from optax_aware.policies._climb_trial import TrialState, first_trial, hear_witness, opened
from optax_aware.policies._lasting_rise import RiseState, first_rise, forget_values, watch_rise
from optax_aware.policies._scale import chosen
from optax_aware.statistics import RobustLevelState, robust_level

SPIKE_DEVIATIONS = 8.0
"""Mean absolute deviations above the level: over six standard deviations of Gaussian noise."""

SPIKE_PROGRESS = 0.1
"""The part of all progress that a value may lose besides; deviations shrink in a steep descent."""

KEEP_PROGRESS = 0.1
KEEP_DEVIATIONS = 0.5
"""By so much of all progress and so many deviations may a level be above the best, to be worth a
snapshot."""

CLIMB_PROGRESS = 0.25
CLIMB_DEVIATIONS = 3.0
"""A level that has lost a quarter of all progress, and three deviations more, has climbed."""

DOUBTED_RUNS = 3.0
DOUBTED_SHARE = 0.002
"""Runs of doubted values that are put down to chance, and their share of all values besides.

What comes more often belongs to the data: a rare class, or blocks of another kind."""

DOUBTED_REACH = 2.0
"""Such values are believed up to this many times what was doubted before."""

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
      guard_seen: values that were believed, int32.
      guard_doubted_runs: runs of values that were not, and passed by themselves, int32.
      guard_doubted_excess: how far above the level they were on average, float32.
      guard_trial: the trial after a climb.
      guard_rise: what is remembered of the losses over long windows.
      guard_calm: values that were believed since the last rewind, int32.
      guard_since_keep: values since the last snapshot, int32.
    """

    guard_level: RobustLevelState
    guard_doubt: RobustLevelState
    guard_first: jax.Array
    guard_best: jax.Array
    guard_best_deviation: jax.Array
    guard_bad_run: jax.Array
    guard_seen: jax.Array
    guard_doubted_runs: jax.Array
    guard_doubted_excess: jax.Array
    guard_trial: TrialState
    guard_rise: RiseState
    guard_calm: jax.Array
    guard_since_keep: jax.Array


class LossView(NamedTuple):
    """What the guard makes of one value: flags, and the numbers behind them in loss units."""

    finite: jax.Array
    believed: jax.Array
    climbed: jax.Array
    climbed_from: jax.Array
    climbed_to: jax.Array
    acquitted: jax.Array
    exhausted: jax.Array
    drifted: jax.Array
    near_best: jax.Array
    worth_keeping: jax.Array
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
        guard_seen=jnp.zeros((), jnp.int32),
        guard_doubted_runs=jnp.zeros((), jnp.int32),
        guard_doubted_excess=jnp.zeros((), jnp.float32),
        guard_trial=first_trial(),
        guard_rise=first_rise(),
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
    allowed = DOUBTED_RUNS + DOUBTED_SHARE * state.guard_seen.astype(jnp.float32)
    often = state.guard_doubted_runs.astype(jnp.float32) > allowed
    reach = jnp.where(often, DOUBTED_REACH * state.guard_doubted_excess, 0.0)
    believed = finite & (announced.excess <= jnp.maximum(tolerated, reach))
    # Clipped, so that one of them widens the deviation without carrying the level away.
    taken = jnp.minimum(value, announced.level + tolerated)
    level = _taken_in(state.guard_level, jnp.where(state.guard_seen > 0, taken, value), believed)
    bad_run = jnp.where(believed, 0, counted(state.guard_bad_run, ~believed))
    doubt = chosen(bad_run <= 1, _LEVEL.init(), state.guard_doubt)
    doubt = _taken_in(doubt, value, finite & ~believed)

    passed = believed & (state.guard_bad_run > 0) & (state.guard_doubt.robust_seen > 0)
    doubted_runs = counted(state.guard_doubted_runs, passed)
    distance = jnp.maximum(state.guard_doubt.robust_level - announced.level, 0.0)
    portion = 1.0 / jnp.maximum(doubted_runs.astype(jnp.float32), 1.0)
    doubted_excess = state.guard_doubted_excess + jnp.where(
        passed, portion * (distance - state.guard_doubted_excess), 0.0
    )

    trial, acquitted = hear_witness(state.guard_trial, value, believed, announced.deviation)
    untried = believed & (state.guard_trial.trial_left == 0)
    settled = untried & (state.guard_calm > CALM_STEPS)
    mean, deviation = level.robust_level, level.robust_deviation
    calmest = jnp.minimum(deviation, state.guard_best_deviation)
    lost = CLIMB_PROGRESS * drop + CLIMB_DEVIATIONS * calmest
    rise, risen = watch_rise(state.guard_rise, taken, untried & (state.guard_calm > 0), drop)
    quickly = settled & (mean > state.guard_best + lost)
    better = settled & (mean < state.guard_best)
    best = jnp.where(better, mean, state.guard_best)
    # Values that are not finite say nothing about what the data have become.
    drifted = (bad_run >= jnp.asarray(drift_patience)) & (doubt.robust_seen > 0) & finite
    view = LossView(
        finite=finite,
        believed=believed,
        climbed=quickly | risen.rose,
        climbed_from=jnp.where(quickly, state.guard_best, state.guard_rise.rise_best),
        climbed_to=jnp.where(quickly, mean, risen.mean),
        acquitted=acquitted,
        exhausted=bad_run == jnp.asarray(patience),
        drifted=drifted,
        near_best=believed & (mean <= best + KEEP_PROGRESS * drop + deviation),
        worth_keeping=believed & (mean <= best + KEEP_PROGRESS * drop + KEEP_DEVIATIONS * calmest),
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
        guard_seen=counted(state.guard_seen, believed),
        guard_doubted_runs=doubted_runs,
        guard_doubted_excess=doubted_excess,
        guard_trial=trial,
        guard_rise=rise,
        guard_calm=counted(state.guard_calm, believed),
        guard_since_keep=counted(state.guard_since_keep, jnp.asarray(True)),
    )
    return after, view


def settle(
    state: GuardState, view: LossView, rewound: jax.Array, restored: jax.Array, kept: jax.Array
) -> GuardState:
    """Note what was done about it: a rewind (and whether it was carried out), a snapshot."""
    level, doubt = state.guard_level, state.guard_doubt
    mean, best = level.robust_level, state.guard_best
    tried = view.climbed & restored
    noted = state._replace(
        guard_level=level._replace(
            robust_level=jnp.where(restored & view.finite, best, mean),
        ),
        guard_trial=chosen(tried, opened(view.climbed_from, view.climbed_to), state.guard_trial),
        guard_rise=chosen(rewound, forget_values(state.guard_rise), state.guard_rise),
        guard_calm=jnp.where(rewound, 0, state.guard_calm),
        guard_since_keep=jnp.where(kept, 0, state.guard_since_keep),
    )
    # The data have climbed, or there is no way back: what was best before is out of reach.
    shifts = view.acquitted | (view.climbed & ~restored)
    reached = jnp.where(view.acquitted, state.guard_trial.trial_mean, mean)
    shifted = noted._replace(
        guard_level=level._replace(robust_level=reached),
        guard_first=state.guard_first + (reached - best),
        guard_best=reached,
        guard_best_deviation=level.robust_deviation,
        guard_rise=first_rise(),
    )
    deviation = jnp.maximum(doubt.robust_deviation, level.robust_deviation)
    drifted = noted._replace(
        guard_level=doubt._replace(robust_deviation=deviation),
        guard_first=doubt.robust_level,
        guard_best=doubt.robust_level,
        guard_best_deviation=deviation,
        guard_bad_run=jnp.zeros((), jnp.int32),
        guard_trial=first_trial(),
        guard_rise=first_rise(),
        guard_calm=jnp.zeros((), jnp.int32),
    )
    return chosen(view.drifted, drifted, chosen(shifts, shifted, noted))


def _taken_in(level: RobustLevelState, value: jax.Array, believed: jax.Array) -> RobustLevelState:
    advanced, _ = _LEVEL.update(level, value)
    return chosen(believed, advanced, level)
