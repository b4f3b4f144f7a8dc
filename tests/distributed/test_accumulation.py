"""Micro-batches on several devices: the same means, and one opinion on what is broken."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import optax_aware as oa
from tests.transforms.micro_batches import recorder

DEVICES = 4
BATCHES = 0.1 * jnp.arange(6.0 * 8 * 16).reshape(6, 8, 16) % 1.0
LEVELS = jnp.ones((6, 8)).at[2, 3].set(jnp.nan)
"""One example of the third micro-batch is broken, and with it the loss on one device."""


def transform(axis_name=None):
    return oa.accumulate(
        optax.sgd(0.1),
        2,
        policy=oa.policies.reduce_on_plateau(0.5, 0),
        max_length=4,
        axis_name=axis_name,
    )


def start():
    return {"w": jnp.linspace(-1.0, 1.0, 16)}


def step(tx, carry, batch_and_levels, axis_name=None):
    params, opt_state = carry

    def loss_fn(params):
        batch, levels = batch_and_levels
        # The gradient does not see the level: what is broken shows in the loss alone.
        error = jnp.mean((batch @ params["w"] - 1.0) ** 2)
        return error + jax.lax.stop_gradient(jnp.mean(levels))

    value, grads = jax.value_and_grad(loss_fn)(params)
    if axis_name is not None:
        grads = jax.lax.pmean(grads, axis_name)
    updates, opt_state = tx.update(grads, opt_state, params, value=value)
    return (optax.apply_updates(params, updates), opt_state), None


def run(tx, params, opt_state, axis_name=None, data=(BATCHES, LEVELS)):
    return jax.lax.scan(
        functools.partial(step, tx, axis_name=axis_name), (params, opt_state), data
    )[0]


@pytest.fixture(scope="module")
def alone():
    tx = transform()
    params, opt_state = jax.jit(functools.partial(run, tx))(start(), tx.init(start()))
    assert oa.accumulation(opt_state).left_out == 1
    assert oa.accumulation(opt_state).updates > 1
    return params["w"], [int(number) for number in oa.accumulation(opt_state)]


@pytest.fixture(scope="module")
def devices():
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    return np.asarray(jax.devices()[:DEVICES])


@pytest.mark.parametrize("axis_type", [AxisType.Auto, AxisType.Explicit])
def test_sharded_parameters_have_sharded_means(devices, alone, axis_type):
    mesh = Mesh(devices, ("model",), axis_types=(axis_type,))
    sharding = NamedSharding(mesh, PartitionSpec("model"))
    params = jax.device_put(start(), sharding)
    tx = transform()
    with jax.set_mesh(mesh):
        opt_state = jax.jit(tx.init)(params)
        means = opt_state.accumulation_mean.micro_gradients["w"]
        assert means.sharding.is_equivalent_to(sharding, 1)
        updates, opt_state = jax.jit(tx.update)(params, opt_state, params, value=1.0)
        updates, opt_state = jax.jit(tx.update)(params, opt_state, params, value=1.0)
    assert updates["w"].sharding.is_equivalent_to(sharding, 1)
    means = opt_state.accumulation_mean.micro_gradients["w"]
    assert means.sharding.is_equivalent_to(sharding, 1)
    np.testing.assert_allclose(updates["w"], -0.1 * start()["w"], rtol=1e-6)


def test_under_shard_map_all_devices_leave_out_what_is_broken_on_one(devices, alone):
    mesh = Mesh(devices, ("batch",))
    tx = transform("batch")
    everywhere, split = PartitionSpec(), PartitionSpec(None, "batch")

    def whole(data):
        return run(tx, start(), tx.init(start()), "batch", data)

    mapped = jax.shard_map(
        whole, mesh=mesh, in_specs=((split, split),), out_specs=everywhere, check_vma=False
    )
    params, opt_state = jax.jit(mapped)((BATCHES, LEVELS))
    np.testing.assert_allclose(params["w"], alone[0], rtol=1e-5)
    assert [int(number) for number in oa.accumulation(opt_state)] == alone[1]


def test_losses_are_weighted_by_what_each_device_has():
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("batch",))
    tx = oa.accumulate(recorder(), 2, axis_name="batch")
    values = jnp.asarray([[1.0, 5.0], [2.0, jnp.nan], [jnp.nan, 3.0], [1.0, 1.0]])
    weights = jnp.asarray([[1.0, 3.0], [2.0, 0.0], [1.0, 1.0], [-1.0, 3.0]])

    params = jnp.float32(0.0)

    def step(opt_state, batch):
        value, weight = batch[0][0], batch[1][0]
        # The gradient of a device is its loss; one without examples has none to speak of.
        gradient = jax.lax.psum(jnp.where(weight > 0.0, weight * value, 0.0), "batch")
        gradient /= jax.lax.psum(weight, "batch")
        updates, opt_state = tx.update(gradient, opt_state, params, value=value, weight=weight)
        return opt_state, (updates, opt_state)

    def run(values, weights):
        return jax.lax.scan(step, tx.init(params), (values, weights))[1]

    split = PartitionSpec(None, "batch")
    mapped = jax.shard_map(
        run, mesh=mesh, in_specs=(split, split), out_specs=PartitionSpec(), check_vma=False
    )
    updates, states = jax.jit(mapped)(values, weights)
    expected = (1.0 * 1.0 + 3.0 * 5.0 + 2.0 * 2.0) / (1.0 + 3.0 + 2.0)
    np.testing.assert_allclose(updates[1], expected, rtol=1e-6)
    seen = states.accumulation_inner_state
    np.testing.assert_allclose(seen.recorder_value[1], expected, rtol=1e-6)
    np.testing.assert_array_equal(states.accumulation_left_out, [0, 0, 1, 2])
    np.testing.assert_array_equal(seen.recorder_calls, [0, 1, 1, 1])
