"""What holds for every policy, whatever it is told."""

import collections
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import optax_aware as oa
from tests.policies import streams
from tests.policies.table import BOUNDS, POLICIES

STEPS = 48
TRACES = collections.Counter()
REPLAYED = {name: make() for name, make in POLICIES.items()}


def counting_traces(name):
    def update(state, seen):
        TRACES[name] += 1
        return POLICIES[name]().update(state, seen)

    return jax.jit(update, donate_argnums=0)


UPDATES = {name: counting_traces(name) for name in POLICIES}
every_policy = pytest.mark.parametrize("name", sorted(POLICIES))
SCALING = sorted(name for name, policy in REPLAYED.items() if not policy.finds_rate)
every_scaling_policy = pytest.mark.parametrize("name", SCALING)
any_float = st.floats(width=32)
extreme = st.sampled_from(
    [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-38, 1e-45, -1e-45, 0.0, -0.0, 1.0, 2.0, -1.0]
).map(lambda number: float(np.float32(number)))
streams_of_floats = st.lists(any_float | extreme, min_size=1, max_size=STEPS)


def padded(numbers):
    return np.float32(numbers + [np.nan] * (STEPS - len(numbers)))


def observation(value, step=0, validation_value=np.nan):
    return oa.Observation(jnp.float32(value), jnp.int32(step), jnp.float32(validation_value))


def run(name, values):
    state, decisions = POLICIES[name]().init(), []
    for step, value in enumerate(values):
        state, decision = UPDATES[name](state, observation(value, step))
        decisions.append(decision)
    return state, jax.tree.map(lambda *fields: np.stack(fields), *decisions)


def test_table_holds_every_public_policy():
    makers = {
        name
        for name in oa.policies.__all__
        if inspect.signature(getattr(oa.policies, name)).return_annotation is oa.Policy
    }
    assert makers == set(POLICIES) == set(BOUNDS)
    assert set(oa.policies.__all__) - makers == {"replay"}


@every_scaling_policy
def test_first_decision_is_the_base_rate(name):
    assert UPDATES[name](POLICIES[name]().init(), observation(3.0))[1].scale == 1.0


@every_policy
@settings(max_examples=60, deadline=None, derandomize=True)
@example(values=[3e38] * STEPS, validations=[])
@example(values=[3e38, -3e38] * (STEPS // 2), validations=[])
@example(values=[1e-45] * 8 + [3e38] * 8, validations=[])
@example(values=[-np.inf, np.nan, np.inf], validations=[np.inf, np.nan])
@given(values=streams_of_floats, validations=streams_of_floats | st.just([]))
def test_any_stream_of_floats_stays_in_bounds(name, values, validations):
    decisions = oa.policies.replay(REPLAYED[name], padded(values), padded(validations))
    low, high = np.float32(BOUNDS[name])
    assert np.isfinite(decisions.scale).all()
    assert (decisions.scale >= low).all()
    assert (decisions.scale <= high).all()
    assert set(np.asarray(decisions.condition).tolist()) <= set(oa.Condition)
    if not REPLAYED[name].rewinds:
        for acted in (decisions.skip, decisions.rewind, decisions.keep):
            assert not np.asarray(acted).any()
    for number in decisions.evidence:
        assert (np.asarray(number) > -np.inf).all()


@every_scaling_policy
@settings(max_examples=40, deadline=None, derandomize=True)
@example(values=[np.nan, 2.0, -np.inf, np.inf, 1.0])
@given(
    values=st.lists(st.floats(-8, 8, width=16) | st.floats(width=32), min_size=1, max_size=STEPS)
)
def test_values_that_are_not_finite_change_nothing(name, values):
    values = np.float32(values)
    finite = np.isfinite(values)
    spoiled = oa.policies.replay(REPLAYED[name], padded(values.tolist()))
    clean = oa.policies.replay(REPLAYED[name], padded(values[finite].tolist()))
    scales = np.asarray(spoiled.scale)[: len(values)]
    np.testing.assert_array_equal(scales[finite], clean.scale[: finite.sum()])
    held = np.concatenate([[1.0], scales])[:-1]
    np.testing.assert_array_equal(scales[~finite], np.float32(held)[~finite])
    if name != "constant":
        conditions = np.asarray(spoiled.condition)[: len(values)]
        np.testing.assert_array_equal(conditions == oa.Condition.NONFINITE, ~finite)


@every_policy
def test_values_that_are_not_finite_are_counted(name):
    state, _ = run(name, [1.0, np.nan, np.inf, 2.0, -np.inf])
    counters = [value for key, value in state._asdict().items() if key.endswith("nonfinite_seen")]
    assert counters == ([] if name == "constant" else [3])


@every_policy
def test_a_counter_at_its_end_stays_there(name):
    counting = (
        "nonfinite_seen",
        "nonpositive_seen",
        "ticks",
        "windows",
        "good",
        "bad",
        "wait",
        "hits",
        "steps",
        "robust_seen",
        "growing_seen",
        "age",
        "bad_run",
        "calm",
        "since_keep",
    )

    def filled(path, leaf):
        counts = leaf.dtype == jnp.int32 and path[-1].name.endswith(counting)
        return jnp.full_like(leaf, 2**31 - 1) if counts else leaf

    state = jax.tree_util.tree_map_with_path(filled, POLICIES[name]().init())
    for value in (1.0, 1.0, np.nan, 5.0, 5.0, -1.0, -1.0, 1.0, 1.0):
        state, decision = UPDATES[name](state, observation(value))
        assert np.isfinite(decision.scale)
        assert all(leaf >= 0 for leaf in jax.tree.leaves(state) if leaf.dtype == np.int32)


@every_policy
def test_state_keeps_its_form(name):
    policy = POLICIES[name]()
    state = policy.init()

    def form(tree):
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), tree)

    updated, decision = jax.eval_shape(policy.update, state, observation(1.0))
    assert form(updated) == form(jax.eval_shape(lambda: state))
    for leaf in jax.tree.leaves(state):
        assert isinstance(leaf, jax.Array)
        assert leaf.dtype in (jnp.float32, jnp.int32)
        assert not leaf.weak_type
    for field in (decision.scale, *jax.tree.leaves(decision.evidence)):
        assert (field.shape, field.dtype) == ((), jnp.float32)
        assert not getattr(field, "weak_type", False)
    assert (decision.condition.shape, decision.condition.dtype) == ((), jnp.int32)
    assert not decision.condition.weak_type


@every_policy
def test_field_names_belong_to_one_policy(name):
    taken = {"count", "scale", "value", "step", "mu", "nu", "trace", "best_value", "avg_value"}
    fields = set(POLICIES[name]().init()._fields)
    assert not fields & taken
    for other in set(POLICIES) - {name}:
        assert not fields & set(POLICIES[other]().init()._fields)


@every_policy
def test_traced_once_and_donated_scanned_and_eager_alike(name):
    curve = streams.spoiled(streams.dyadic(3, STEPS))[2]
    scanned = oa.policies.replay(REPLAYED[name], curve)
    _, jitted = run(name, curve)
    np.testing.assert_allclose(jitted.scale, scanned.scale, rtol=1e-6)
    np.testing.assert_array_equal(jitted.condition, scanned.condition)
    assert TRACES[name] == 1

    policy = POLICIES[name]()
    state = policy.init()
    for step, value in enumerate(curve[:6]):
        state, decision = policy.update(state, observation(value, step))
        np.testing.assert_allclose(decision.scale, scanned.scale[step], rtol=1e-6)
        assert decision.condition == scanned.condition[step]


SWEPT = [
    ("condition_based", {"listen_steps": 2}, ("patience", [1, 3])),
    ("greedy", {"window": 3}, ("patience", [0, 2])),
    ("loss_ratio", {}, ("max_scale", [1.0, 1.5])),
    ("ratio_based", {}, ("window", [1, 4])),
    ("reduce_on_plateau", {"factor": 0.5}, ("patience", [0, 3])),
    ("robust_ratio", {"window": 2, "patience": 0}, ("threshold", [0.0, 0.3])),
]


@pytest.mark.parametrize(("name", "fixed", "swept"), SWEPT)
def test_vmapped_sweep_equals_a_loop(name, fixed, swept):
    option, settings_of_option = swept
    curve = streams.spoiled(streams.positive(1, STEPS, seed=5))[0]

    @jax.jit
    def scales(setting):
        policy = getattr(oa.policies, name)(**fixed, **{option: setting})
        return oa.policies.replay(policy, curve).scale

    together = jax.vmap(scales)(jnp.asarray(settings_of_option))
    for scale, setting in zip(together, settings_of_option, strict=True):
        np.testing.assert_allclose(scale, scales(setting), rtol=1e-6)
    assert not np.array_equal(together[0], together[1])
