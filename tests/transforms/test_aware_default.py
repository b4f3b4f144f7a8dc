"""`aware` with the policy that it has when none is given, as a transform among others."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware import Condition

STEPS = 240
FAULTS = {60: math.nan, 61: math.inf, 130: 1e3}
JUMP = 80
"""From here on the minimum lies elsewhere, and the end of the run is known."""


def optimizer(**options):
    return oa.aware(optax.scale_by_adam(), total_steps=STEPS, average=True, **options)


def train_step(tx, params, opt_state, noise, factor, aim):
    def loss_fn(params):
        return jnp.sum((params["w"] - aim - noise) ** 2 * jnp.arange(1.0, 5.0)) + params["b"] ** 2

    value, grads = jax.value_and_grad(loss_fn)(params)
    updates, opt_state = tx.update(grads, opt_state, params, value=factor * value)
    return optax.apply_updates(params, updates), opt_state


@functools.cache
def jitted():
    traces = []

    def step(*arguments):
        traces.append(None)
        return train_step(optimizer(), *arguments)

    return jax.jit(step), traces


def start():
    return {"w": jnp.asarray([3.0, -2.0, 1.0, 4.0]), "b": jnp.float32(2.0)}


def stream():
    random = np.random.default_rng(4)
    factor = np.ones(STEPS, np.float32)
    factor[list(FAULTS)] = list(FAULTS.values())
    aim = np.where(np.arange(STEPS) < JUMP, 0.0, 20.0).astype(np.float32)
    noise = np.float32(0.2 * random.normal(size=(STEPS, 4)))
    return [(noise[step], factor[step], aim[step]) for step in range(STEPS)]


def train(params, opt_state, batches, edits=None):
    step, _ = jitted()
    reports, states = [], []
    for number, batch in enumerate(batches):
        if edits and number in edits:
            opt_state = edits[number](opt_state)
        params, opt_state = step(params, opt_state, *batch)
        reports.append(jax.tree.map(np.asarray, oa.report(opt_state)))
        states.append((params, opt_state))
    return jax.tree.map(lambda *fields: np.stack(fields), *reports), states


@functools.cache
def whole_run():
    return train(start(), optimizer().init(start()), stream() + stream()[-5:])


def test_no_policy_is_the_condition_based_one():
    params = start()
    default = optimizer().init(params)
    named = optimizer(policy=oa.policies.condition_based()).init(params)
    assert jax.tree.structure(default) == jax.tree.structure(named)
    assert "condition_rate" in default.aware_awareness.aware_policy_state._fields
    assert oa.aware(optax.identity()).init(params).aware_average != optax.EmptyState()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_without_a_way_back_the_state_is_small_whatever_the_model(dtype):
    params = [jnp.zeros((300, 400), dtype) for _ in range(40)]
    state = oa.aware(optax.identity(), rewind=False, average=False).init(params)
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(state)) < 8192


def test_one_trace_from_listening_to_the_end():
    reports, states = whole_run()
    assert set(reports.condition.tolist()) >= {
        Condition.LISTENING,
        Condition.RAMPING,
        Condition.SPIKE,
        Condition.NONFINITE,
        Condition.COOLING,
        Condition.DONE,
    }
    assert len(jitted()[1]) == 1
    assert jitted()[0]._cache_size() == 1
    assert reports.rewound[-1] >= 1
    assert reports.nonfinite[-1] == 2
    np.testing.assert_array_equal(reports.learning_rate[STEPS:], 0.0)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(states[-1][0]))
    np.testing.assert_allclose(states[-1][0]["w"], 20.0, atol=1.0)


def moments():
    """Steps inside of the ramp, of the hold and of the cooldown."""
    reports, _ = whole_run()
    ramp = np.flatnonzero(reports.condition == Condition.RAMPING)
    return {"ramp": int(ramp[len(ramp) // 2]), "hold": 100, "cooldown": STEPS - 30}


@pytest.mark.parametrize("moment", ["ramp", "hold", "cooldown"])
def test_a_run_that_is_interrupted_goes_on_bit_by_bit(moment):
    reports, states = whole_run()
    step = moments()[moment]
    params, opt_state = states[step]
    saved = [np.array(leaf) for leaf in jax.tree.leaves(opt_state)]
    fresh = jax.tree.structure(optimizer().init(start()))
    restored = jax.tree.unflatten(fresh, [jnp.asarray(leaf) for leaf in saved])
    rest, ends = train(params, restored, stream()[step + 1 :])
    np.testing.assert_array_equal(rest.learning_rate, reports.learning_rate[step + 1 : STEPS])
    jax.tree.map(np.testing.assert_array_equal, ends[-1], states[STEPS - 1])


EDITS = {
    "a rate while listening": {1: lambda state: oa.set_learning_rate(state, 0.01)},
    "a rate of 0 while listening": {0: lambda state: oa.set_learning_rate(state, 0.0)},
    "a rate while holding": {100: lambda state: oa.set_learning_rate(state, 0.01)},
    "reset while listening": {1: oa.reset},
    "reset while holding": {100: oa.reset},
    "both": {100: lambda state: oa.set_learning_rate(oa.reset(state), 0.01)},
}


@pytest.mark.parametrize("edit", EDITS)
def test_rates_set_by_hand_meet_a_scale_of_zero(edit):
    reports, states = train(start(), optimizer().init(start()), stream()[:120], EDITS[edit])
    assert np.isfinite(reports.learning_rate).all()
    assert (reports.learning_rate >= 0.0).all()
    for leaf in jax.tree.leaves(states[-1]):
        assert not np.isnan(leaf).any()
    step = next(iter(EDITS[edit]))
    if "rate of 0" in edit:
        np.testing.assert_array_equal(reports.learning_rate, 0.0)
    elif "rate while" in edit:
        # It waits until there is a scale that it can be a factor of.
        acting = step + np.argmax(reports.scale[step:] > 0)
        assert reports.learning_rate[acting] == np.float32(0.01)
    if edit in ("reset while holding", "both"):
        assert reports.condition[step] == Condition.LISTENING
        assert Condition.RAMPING in reports.condition[step:]
        assert (reports.scale[step + 1 :] > 0).any()


def test_donated_states_do_the_same():
    _, states = whole_run()
    donating = jax.jit(functools.partial(train_step, optimizer()), donate_argnums=(0, 1))
    # Another program may round otherwise, and a course amplifies that: single steps are compared.
    same = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    before = (start(), optimizer().init(start()))
    for batch, after in zip(stream()[:30], states, strict=False):
        given = jax.tree.map(jnp.copy, before)
        jax.tree.map(same, donating(*given, *batch), after)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given))
        before = after


def test_vmapped_seeds_are_a_loop():
    # Whether a rewind has arrived, or needs one more step, is a question of rounding.
    tx = optimizer(rewind=False)
    noise, factor, aim = (np.stack(column) for column in zip(*stream()[:80], strict=True))
    seeds = np.stack([noise, noise[::-1], 2.0 * noise])

    def whole(noise):
        def step(carry, batch):
            carry = train_step(tx, *carry, *batch)
            return carry, oa.report(carry[1])

        params = start()
        return jax.lax.scan(step, (params, tx.init(params)), (noise, factor, aim))[1]

    together, alone = jax.jit(jax.vmap(whole))(seeds), jax.jit(whole)
    for member, seed in enumerate(seeds):
        expected = alone(seed)
        np.testing.assert_array_equal(together.condition[member], expected.condition)
        np.testing.assert_allclose(together.learning_rate[member], expected.learning_rate, 1e-4)
    assert len(np.unique(together.learning_rate[:, -1])) == 3


def test_without_snapshots_and_average_a_million_parameters_cost_a_few_kilobytes():
    params = {"w": jnp.zeros((1000, 1000))}
    inner = optax.scale_by_adam()
    bare = sum(leaf.nbytes for leaf in jax.tree.leaves(inner.init(params)))
    tx = oa.aware(inner, rewind=False, average=False)
    state = jax.eval_shape(tx.init, params)
    whole = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    assert whole - bare < 8192
    sampled = sum(leaf.size for leaf in jax.tree.leaves(state.aware_path))
    assert sampled < 3000


@pytest.mark.parametrize("rate", [1e-6, 1.0, 1e6])
def test_a_number_is_a_guess_and_a_schedule_is_a_shape(rate):
    params = start()
    wanted = {
        "nothing": oa.aware(optax.identity(), average=False),
        "number": oa.aware(optax.identity(), learning_rate=rate, average=False),
        "schedule": oa.aware(optax.identity(), learning_rate=lambda step: rate, average=False),
    }
    first = {name: float(oa.learning_rate(tx.init(params))) for name, tx in wanted.items()}
    # Nothing is known of a rate that is yet to be found.
    assert first == {"nothing": 0.0, "number": 0.0, "schedule": 0.0}
    for name, tx in wanted.items():
        opt_state = tx.init(params)
        _, opt_state = tx.update(params, opt_state, params, value=1.0)
        assert oa.learning_rate(opt_state) == 0.0, name
        assert len(oa.events(opt_state)) == 0


def test_a_policy_that_observes_more_than_the_loss_needs_aware():
    policy = oa.policies.condition_based()
    for transform in (
        oa.scale_by_policy,
        functools.partial(oa.as_learning_rate, learning_rate=0.1),
    ):
        with pytest.raises(ValueError, match=r"observe the loss alone .*aware\(inner, policy\)"):
            transform(policy)


def test_under_multi_steps():
    tx = optax.MultiSteps(oa.aware(optax.identity(), average=False), 2)
    params = start()
    opt_state, step = tx.init(params), jax.jit(functools.partial(train_step, tx))
    rates = []
    for batch in stream()[:40]:
        params, opt_state = step(params, opt_state, *batch)
        rates.append(float(oa.learning_rate(opt_state)))
    assert oa.report(opt_state).step == 20
    assert max(rates) > 0.0
    assert np.isfinite(params["w"]).all()


TREES = {
    "scalar": jnp.float32(2.0),
    "integers": {"table": jnp.arange(3), "w": jnp.ones(2)},
    "mixed": {"a": jnp.ones(3, jnp.bfloat16), "b": [jnp.ones(()), jnp.ones(2, jnp.float16)]},
    "complex": jnp.ones(3, jnp.complex64),
    "empty": {"w": jnp.ones((0, 3))},
    "no leaves": {},
    "none": {"w": jnp.ones(2), "missing": None},
    "numpy": {"w": np.ones(3, np.float32)},
    "python": {"w": 2.0},
}


@pytest.mark.parametrize("tree", TREES)
def test_any_tree_of_parameters(tree):
    tx = oa.aware(optax.identity())
    params = TREES[tree]
    opt_state = tx.init(params)

    def update(opt_state):
        return tx.update(params, opt_state, params, value=1.0)

    updates, after = jax.eval_shape(update, opt_state)
    assert jax.tree.structure(updates) == jax.tree.structure(params)
    forms = [
        [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(state)]
        for state in (after, jax.eval_shape(lambda: opt_state))
    ]
    assert forms[0] == forms[1]
