"""Gradient accumulation as a transformation: its state, its traces, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted


def primitives(jaxpr, *, in_branches):
    found = set()
    for equation in jaxpr.eqns:
        found.add(equation.primitive.name)
        if equation.primitive.name == "cond" and not in_branches:
            continue
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda leaf: leaf is None):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                found |= primitives(inner, in_branches=in_branches)
    return found


def test_the_inner_optimizer_does_no_work_in_between():
    inner = optax.chain(
        optax.scale_by_adam(), optax.stateless(lambda updates, _: jax.tree.map(jnp.sin, updates))
    )
    tx = oa.accumulate(inner, 4)
    params = {"w": jnp.ones(2)}
    traced = jax.make_jaxpr(lambda grads: tx.update(grads, tx.init(params), params, value=1.0))
    jaxpr = traced(params).jaxpr
    assert "sin" in primitives(jaxpr, in_branches=True)
    assert "sin" not in primitives(jaxpr, in_branches=False)


def test_any_leaf_and_a_state_that_keeps_its_form():
    params = {
        "bf16": jnp.ones(2, jnp.bfloat16),
        "c64": jnp.ones(2, jnp.complex64),
        "table": jnp.arange(3),
        "frozen": jnp.ones(2),
        "empty": jnp.zeros((0, 2)),
        "none": None,
    }
    tx = oa.accumulate(optax.identity(), 2)
    grads = {
        "bf16": jnp.full(2, 3.0, jnp.bfloat16),
        "c64": jnp.full(2, 1.0 - 2.0j, jnp.complex64),
        "table": np.zeros(3, jax.dtypes.float0),
        "frozen": None,
        "empty": jnp.zeros((0, 2)),
        "none": None,
    }
    opt_state = tx.init(params)
    form = [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(opt_state)]
    assert {dtype.name for _, dtype, _ in form} == {"float32", "int32", "complex64"}
    for step in range(4):
        updates, opt_state = tx.update(grads, opt_state, params, value=1.0)
        assert updates["frozen"] is None
        assert updates["table"].dtype == jax.dtypes.float0
        expected = grads["c64"] if step % 2 else 0.0 * grads["c64"]
        np.testing.assert_array_equal(updates["c64"], expected)
        assert updates["bf16"].dtype == jnp.bfloat16
        now = [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(opt_state)]
        assert now == form


def test_one_trace_whatever_the_length_and_donated_states():
    traces = []
    tx = oa.accumulate(optax.adam(0.1), lambda update: 1 + update, max_length=3)

    def step(params, opt_state):
        traces.append(None)
        updates, opt_state = tx.update(params, opt_state, params, value=1.0)
        return optax.apply_updates(params, updates), opt_state

    donating = jax.jit(step, donate_argnums=(0, 1))
    params = {"w": jnp.ones(3)}
    opt_state, seen = tx.init(params), []
    for _ in range(12):
        params, opt_state = donating(params, opt_state)
        seen.append(int(oa.accumulation(opt_state).length))
        if len(seen) == 4:
            saved = jax.tree.map(np.array, (params, opt_state))
    assert seen == [2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]
    assert len(traces) == 1
    assert oa.accumulation(opt_state).updates == 5
    structure = jax.tree.structure((params, tx.init(params)))
    resumed = jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in jax.tree.leaves(saved)])
    for _ in range(8):
        resumed = donating(*resumed)
    jax.tree.map(np.testing.assert_array_equal, resumed, (params, opt_state))
    assert len(traces) == 1


def test_members_of_an_ensemble_have_lengths_of_their_own():
    generator = np.random.default_rng(4)
    gradients = jnp.asarray(generator.normal(size=(12, 3)), jnp.float32)

    def train(every, gradients):
        tx = oa.accumulate(optax.adam(0.1), every)

        def step(carry, gradient):
            params, opt_state = carry
            updates, opt_state = tx.update(gradient, opt_state, params, value=1.0)
            return (optax.apply_updates(params, updates), opt_state), None

        return jax.lax.scan(step, (jnp.zeros(3), tx.init(jnp.zeros(3))), gradients)[0]

    lengths = jnp.arange(1, 5)
    swept, states = jax.jit(jax.vmap(train, in_axes=(0, None)))(lengths, gradients)
    np.testing.assert_array_equal(oa.accumulation(states).updates, [12, 6, 4, 3])
    jitted = jax.jit(train)
    for member, length in enumerate(lengths):
        np.testing.assert_allclose(swept[member], jitted(length, gradients)[0], rtol=1e-6)


def test_rates_may_be_differentiated_and_lengths_injected():
    gradients = jnp.asarray([[1.0], [3.0], [2.0], [6.0], [9.0]])

    def last(learning_rate, every):
        tx = optax.inject_hyperparams(oa.accumulate, static_args=("inner", "axis_name"))(
            inner=optax.sgd(learning_rate), every=every
        )

        def step(carry, gradient):
            updates, opt_state = tx.update(gradient, carry[1], carry[0], value=1.0)
            return (optax.apply_updates(carry[0], updates), opt_state), None

        start = jnp.zeros(1)
        return jax.lax.scan(step, (start, tx.init(start)), gradients)[0][0][0]

    differentiated = jax.jit(jax.value_and_grad(last))
    assert differentiated(0.5, 2.0) == (-3.0, -6.0)
    assert differentiated(0.5, 3.0) == (-1.0, -2.0)


WRONG = {
    "inner": ({"inner": "adam"}, "inner must be an optax.GradientTransformation"),
    "no micro-batch": ({"every": 0}, r"every must be a number in \[1, 1\.67772e\+07\]"),
    "half a micro-batch": ({"every": 1.5}, "every must be a whole number"),
    "nan": ({"every": float("nan")}, "every must be a number"),
    "more than float32 counts": ({"every": 2**24 + 1}, "every must be a number in \\[1"),
    "none": ({"every": None}, "every must be a number"),
    "max_length": ({"max_length": 0}, r"max_length must be a number in \[1, 1\.6"),
    "policy": ({"policy": "plateau", "max_length": 4}, "policy must be a Policy"),
    "no bound": ({"policy": oa.policies.constant()}, "max_length must be .* got max_length=None"),
    "a policy that listens to more": (
        {"policy": oa.policies.condition_based(), "max_length": 4},
        "policy must observe the loss alone in accumulate",
    ),
    "a policy that finds its rate": (
        {"policy": scripted([1.0])._replace(finds_rate=True), "max_length": 4},
        r"policy must scale a base rate .*accumulate\(aware",
    ),
    "axis_name": ({"axis_name": 3}, "axis_name must be None"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments(case):
    arguments, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        oa.accumulate(**{"inner": optax.sgd(0.1), "every": 2, **arguments})


def test_wrong_calls():
    params = jnp.ones(2)
    tx = oa.accumulate(optax.sgd(0.1), 2, policy=oa.policies.constant(), max_length=4)
    opt_state = tx.init(params)
    with pytest.raises(TypeError, match=r"value=loss"):
        tx.update(params, opt_state, params)
    with pytest.raises(TypeError, match=r"opt_state must be the state.*AccumulateState"):
        tx.update(params, params, opt_state, value=1.0)
    with pytest.raises(ValueError, match=r"weight must be a scalar.*It is the number of examples"):
        tx.update(params, opt_state, params, value=1.0, weight=jnp.ones(1))
    with pytest.raises(TypeError, match=r"weight must be .* got a list.*number of examples"):
        tx.update(params, opt_state, params, value=1.0, weight=[1.0, 2.0])
    with pytest.raises(TypeError, match=r"weight must be a real number, got weight=None"):
        tx.update(params, opt_state, params, value=1.0, weight=None)
    with pytest.raises(ValueError, match="exactly one accumulate, got 0"):
        oa.accumulation(optax.sgd(0.1).init(params))
    both = optax.chain(tx, tx).init(params)
    with pytest.raises(ValueError, match="exactly one accumulate, got 2"):
        oa.accumulation(both)
