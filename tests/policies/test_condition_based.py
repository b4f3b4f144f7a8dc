"""The condition-based policy against its slow reference."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import optax_aware as oa
from optax_aware import Condition
from optax_aware.policies._condition_rate import RATE_FLOOR
from optax_aware.policies._rate_search import LARGEST_RATE
from tests.policies import observations
from tests.policies.replays import default_options
from tests.references.condition_based import condition_based as reference

STREAMS, STEPS = 54, 160
EDGE = 1e-4
"""Comparisons of numbers nearer to each other than this, relatively, are left to rounding."""

OPTIONS = default_options("condition_based")


@functools.cache
def compiled():
    def decisions(options, stream):
        policy = oa.policies.condition_based(**options)

        def decide(state, observation):
            state, decision = policy.update(state, observation)
            return state, (decision, state)

        return jax.lax.scan(decide, policy.init(), stream)[1]

    whole = jax.vmap(decisions, in_axes=(None, 0))
    return jax.jit(whole, compiler_options={"xla_backend_optimization_level": 0})


def decide(stream, *, whole_state=False, **options):
    traced = {
        name: jnp.asarray(value, jnp.int32 if isinstance(value, int) else jnp.float32)
        for name, value in (OPTIONS | options).items()
    }
    decisions, states = jax.tree.map(np.asarray, compiled()(traced, stream))
    return decisions, states if whole_state else states.condition_phase


SETTINGS = [
    {},
    {"listen_steps": 7, "growth": 0.05, "boost": 0.0, "factor": 1.0, "patience": 1},
    {"listen_steps": 2, "threshold": 0.5, "factor": 0.25, "patience": 5, "drift_patience": 8},
]


@pytest.mark.parametrize("changed", SETTINGS)
def test_same_decisions_as_the_slow_reference(changed):
    stream = observations.observed(STREAMS, STEPS, seed=len(changed))
    decisions, phases = decide(stream, **changed)
    compared, met = 0, set()
    for row in range(STREAMS):
        expected = reference(observations.rows(stream, row), **(OPTIONS | changed))
        on_edge = [step for step, line in enumerate(expected) if line["margin"] < EDGE]
        end = min([STEPS, *on_edge])
        compared += end
        ours = jax.tree.map(lambda field, row=row, end=end: field[row, :end], decisions)
        columns = {name: np.array([line[name] for line in expected[:end]]) for name in expected[0]}
        np.testing.assert_array_equal(phases[row, :end], columns["phase"])
        for name in ("condition", "skip", "rewind", "keep", "restart_average"):
            np.testing.assert_array_equal(getattr(ours, name), columns[name], err_msg=name)
        np.testing.assert_allclose(ours.scale, columns["scale"], rtol=1e-4)
        values = stream.value[row]
        grain = 1e-5 * np.max(np.abs(values[np.isfinite(values)]))
        for name, column in ours.evidence._asdict().items():
            np.testing.assert_allclose(column, columns[name], rtol=2e-3, atol=grain, err_msg=name)
        met |= {*ours.condition.tolist()}
    # Most runs meet no edge, and what was compared meets everything that the policy can say.
    assert compared > 0.7 * STREAMS * STEPS
    assert met >= set(Condition) - {Condition.STEADY, Condition.COOLING, Condition.DONE}, met


def test_without_inner_products_only_the_guard_is_left():
    values = np.r_[np.ones(40) + 0.01 * np.sin(np.arange(40)), 50.0, np.ones(20), np.nan, 1.0]
    decisions = oa.policies.replay(oa.policies.condition_based(listen_steps=3), values)
    np.testing.assert_array_equal(decisions.scale, [0.0] * 2 + [1.0] * (len(values) - 2))
    np.testing.assert_array_equal(np.flatnonzero(decisions.skip), [40, 61])
    assert decisions.condition[40] == Condition.SPIKE
    assert decisions.condition[61] == Condition.NONFINITE
    assert not decisions.rewind.any()


def test_retreats_end_at_a_floor():
    values = np.r_[np.ones(40), np.tile(np.r_[[np.nan] * 6, np.ones(6)], 40)]
    values += 0.01 * np.sin(np.arange(len(values)))
    decisions = oa.policies.replay(oa.policies.condition_based(), values)
    assert decisions.rewind.sum() == 40
    scale = decisions.scale[decisions.scale > 0.0]
    np.testing.assert_allclose(scale.min(), RATE_FLOOR)
    assert (decisions.scale[40:] > 0.0).all()


def test_any_observation_leaves_a_finite_state_and_a_rate_in_bounds():
    random = np.random.default_rng(7)
    extremes = np.float32([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-38, 1e-45, 0.0, -0.0, 1, -2])
    stream = observations.observed(STREAMS, STEPS, seed=9)
    share = random.uniform(0.0, 1.0, (STREAMS, 1)) ** 2

    def spoiled(column):
        if column.dtype != np.float32:
            return column
        return np.where(
            random.uniform(size=column.shape) < share, random.choice(extremes, column.shape), column
        ).astype(np.float32)

    decisions, states = decide(jax.tree.map(spoiled, stream), whole_state=True)
    assert np.isfinite(decisions.scale).all()
    assert (decisions.scale >= 0.0).all()
    assert (decisions.scale <= np.float32(LARGEST_RATE)).all()
    assert set(decisions.condition.ravel().tolist()) <= set(Condition)
    for number in decisions.evidence:
        assert (number > -np.inf).all()
    # The squared deviations of a block may be beyond float32, and are infinite then.
    assert not np.isnan(states.condition_listened.block_squares).any()
    listened = states.condition_listened._replace(block_squares=0.0)
    for leaf in jax.tree.leaves(states._replace(condition_listened=listened)):
        assert np.isfinite(leaf).all()


def test_a_ramp_that_has_met_its_ceiling_is_over():
    policy = oa.policies.condition_based()
    update, state = jax.jit(policy.update), policy.init()
    measured = {
        "direction_norm": 1.0,
        "params_norm": 1.0,
        "gradient_dot_direction": 1.0,
        "gradient_dot_update": -1.0,
        "previous_gradient_dot_update": -1.0,
    }
    for step in range(80):
        observation = oa.Observation(5.0 - 0.01 * step + 0.01 * (step % 2), step, **measured)
        state, decision = update(state, observation)
        if step == 9:
            assert decision.condition == Condition.RAMPING
            ceiling = 2.0 * state.condition_rate
            search = state.condition_search._replace(search_ceiling=ceiling)
            state = state._replace(condition_search=search)
    assert state.condition_found_rate > 0.0
    assert state.condition_found_steps < 40
