"""The recipes for flax: nnx.Optimizer as it is, and our TrainState for linen."""

import itertools
import subprocess
import sys

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from flax.training import train_state

import optax_aware as oa
from tests.references.scripted import scripted


def tx(**options):
    return oa.aware(
        optax.trace(0.9), scripted([1.0, 0.5, 0.25, 0.125]), learning_rate=0.1, **options
    )


def linen_state(state_type=oa.flax.TrainState, **fields):
    model = linen.Dense(2)
    params = model.init(jax.random.key(0), jnp.ones((1, 3)))["params"]
    return state_type.create(apply_fn=model.apply, params=params, tx=tx(), **fields)


def linen_step(state, batch):
    def loss(params):
        return jnp.mean(state.apply_fn({"params": params}, batch) ** 2)

    value, grads = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=grads, value=value), value


def test_linen_train_state_in_a_loop_and_in_a_scan():
    batches = jnp.arange(12.0).reshape(4, 1, 3) / 10
    start = linen_state()
    step = jax.jit(linen_step)
    state, rates = start, []
    for batch in batches:
        state, _ = step(state, batch)
        rates.append(float(oa.learning_rate(state.opt_state)))
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025, 0.0125], rtol=1e-6)
    scanned, _ = jax.lax.scan(linen_step, start, batches)
    assert state.step == scanned.step == 4
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), state.params, scanned.params
    )
    assert jax.tree.structure(scanned) == jax.tree.structure(start)


def test_linen_train_state_is_the_one_of_flax_besides():
    def plain(tx):
        params = {"w": jnp.ones(2)}
        return tx.create(apply_fn=None, params=params, tx=optax.adam(0.1))

    ours = plain(oa.flax.TrainState).apply_gradients(grads={"w": jnp.ones(2)}, value=1.0)
    theirs = plain(train_state.TrainState).apply_gradients(grads={"w": jnp.ones(2)})
    assert isinstance(ours, train_state.TrainState)
    jax.tree.map(np.testing.assert_array_equal, ours.params, theirs.params)
    assert ours.tx is not None


def test_fields_of_a_subclass_are_replaced_and_the_rest_is_forwarded():
    class State(oa.flax.TrainState):
        batch_stats: jax.Array = flax.struct.field(default=None)

    state = linen_state(State, batch_stats=jnp.zeros(2))
    grads = jax.tree.map(jnp.ones_like, state.params)
    state = state.apply_gradients(
        grads=grads, value=1.0, validation_value=2.0, batch_stats=jnp.ones(2)
    )
    np.testing.assert_array_equal(state.batch_stats, 1.0)
    assert oa.report(state.opt_state).step == 1


def test_linen_train_state_without_a_value_says_what_is_missing():
    state = linen_state()
    with pytest.raises(TypeError, match="value=loss"):
        state.apply_gradients(grads=state.params)


def test_nnx_optimizer_in_a_loop_and_in_a_scan():
    def made():
        model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
        return model, nnx.Optimizer(model, tx(average=True), wrt=nnx.Param)

    def step(model, optimizer, batch):
        value, grads = nnx.value_and_grad(lambda model: jnp.mean(model(batch) ** 2))(model)
        optimizer.update(model, grads, value=value)
        return oa.report(optimizer.opt_state)

    batches = jnp.arange(12.0).reshape(4, 1, 3) / 10
    model, optimizer = made()
    jitted = nnx.jit(step)
    rates = [float(jitted(model, optimizer, batch).learning_rate) for batch in batches]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025, 0.0125], rtol=1e-6)
    (event,) = oa.events(optimizer.opt_state)
    assert (event.first_step, event.last_step) == (1, 3)
    np.testing.assert_allclose((event.rate_before, event.rate_after), (0.1, 0.0125), rtol=1e-6)

    other, other_optimizer = made()
    scan = nnx.scan(
        lambda carry, batch: (carry, step(*carry, batch)),
        in_axes=(nnx.Carry, 0),
        out_axes=(nnx.Carry, 0),
    )
    _, reports = scan((other, other_optimizer), batches)
    np.testing.assert_allclose(reports.learning_rate, rates, rtol=1e-6)
    np.testing.assert_allclose(model.kernel[...], other.kernel[...], rtol=1e-6)


def test_nnx_optimizer_edited_and_evaluated():
    model = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    policy = oa.policies.constant()
    optimizer = nnx.Optimizer(
        model, oa.aware(optax.identity(), policy, learning_rate=0.1), wrt=nnx.Param
    )
    grads = jax.tree.map(jnp.ones_like, nnx.state(model, nnx.Param))
    optimizer.update(model, grads, value=1.0)
    optimizer.opt_state = oa.set_learning_rate(optimizer.opt_state, 0.5)
    before = model.bias[...]
    optimizer.update(model, grads, value=1.0)
    np.testing.assert_allclose(before - model.bias[...], 0.5, rtol=1e-6)
    assert oa.learning_rate(optimizer.opt_state) == 0.5
    averaged = oa.eval_params(optimizer.opt_state, nnx.state(model, nnx.Param))
    assert jax.tree.structure(averaged) == jax.tree.structure(nnx.state(model, nnx.Param))
    before = model.bias[...]
    nnx.update(model, averaged)
    assert np.all(model.bias[...] > before)


def test_without_flax_the_rest_works_and_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['flax'] = None\n"
        "import optax_aware as oa\n"
        "assert oa.schedules.constant(0.5)(0) == 0.5\n"
        "try:\n"
        "    oa.flax\n"
        "except ImportError as error:\n"
        "    assert \"pip install 'optax-aware[flax]'\" in str(error), error\n"
        "else:\n"
        "    raise AssertionError('flax was found')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'momentum'"):
        _ = oa.momentum


def test_nnx_optimizer_with_accumulation_around_aware():
    model = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    inner = oa.aware(optax.trace(0.9), scripted([1.0, 0.5]), learning_rate=0.1)
    optimizer = nnx.Optimizer(model, oa.accumulate(inner, 2), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, batch):
        loss, grads = nnx.value_and_grad(lambda model: jnp.mean((model(batch) - 1.0) ** 2))(model)
        optimizer.update(model, grads, value=loss, weight=batch.shape[0])
        return oa.accumulation(optimizer.opt_state)

    kernels, seen = [model.kernel[...]], []
    for _ in range(4):
        seen.append(step(model, optimizer, jnp.ones((5, 3))))
        kernels.append(model.kernel[...])
    assert [bool(jnp.all(a == b)) for a, b in itertools.pairwise(kernels)] == [True, False] * 2
    assert [int(one.updates) for one in seen] == [0, 1, 1, 2]
    assert oa.report(optimizer.opt_state).scale == 0.5
