"""Eight devices take the decisions of one, all of them alike."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import optax_aware as oa
from tests.references.scripted import scripted

DEVICES = 8
LEVEL_OF_STEP = 2.0 ** jnp.arange(8)


def policy():
    return oa.policies.reduce_on_plateau(factor=0.5, patience=1)


def loss_fn(params, batch, level):
    return level * jnp.mean((batch @ params["w"] - 1.0) ** 2)


def train_step(tx, params, opt_state, batch, level, axis_name=None):
    value, grads = jax.value_and_grad(loss_fn)(params, batch, level)
    if axis_name is not None:
        grads = jax.lax.pmean(grads, axis_name)
    updates, opt_state = tx.update(grads, opt_state, params, value=value)
    return optax.apply_updates(params, updates), opt_state, oa.report(opt_state).scale


def start():
    return {"w": jnp.linspace(-1.0, 1.0, 16)}, jax.random.normal(jax.random.key(0), (32, 16))


def single_device(tx):
    params, batch = start()
    opt_state = tx.init(params)
    step = jax.jit(functools.partial(train_step, tx))
    scales = []
    for level in LEVEL_OF_STEP:
        params, opt_state, scale = step(params, opt_state, batch, level)
        scales.append(float(scale))
    return params, scales


@pytest.fixture(scope="module")
def mesh():
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    return Mesh(np.asarray(jax.devices()[:DEVICES]), ("batch",))


@pytest.mark.parametrize("sharded_params", [False, True])
def test_jit_on_sharded_arrays(mesh, sharded_params):
    tx = oa.aware(optax.scale_by_adam(), policy(), learning_rate=0.05)
    params, batch = start()
    over_devices = NamedSharding(mesh, PartitionSpec("batch"))
    everywhere = NamedSharding(mesh, PartitionSpec())
    params = jax.device_put(params, over_devices if sharded_params else everywhere)
    batch = jax.device_put(batch, over_devices)
    opt_state = jax.jit(tx.init)(params)
    step = jax.jit(functools.partial(train_step, tx))
    scales = []
    for level in LEVEL_OF_STEP:
        params, opt_state, scale = step(params, opt_state, batch, level)
        scales.append(float(scale))
    expected_params, expected_scales = single_device(tx)
    assert scales == expected_scales
    assert len(set(scales)) > 1
    np.testing.assert_allclose(params["w"], expected_params["w"], rtol=1e-5)
    if sharded_params:
        average = opt_state.aware_average.average_params["w"]
        assert average.sharding.is_equivalent_to(params["w"].sharding, 1)
        assert opt_state.aware_inner_state.mu["w"].sharding.is_equivalent_to(over_devices, 1)


@pytest.mark.parametrize("broken_device", [None, 3])
def test_shard_map_with_an_axis_name(mesh, broken_device):
    tx = oa.aware(optax.scale_by_adam(), policy(), learning_rate=0.05, axis_name="batch")
    params, batch = start()
    if broken_device is not None:
        batch = batch.at[4 * broken_device].set(jnp.nan)

    @jax.jit
    @functools.partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(), PartitionSpec("batch"), PartitionSpec()),
        out_specs=(PartitionSpec("batch"), PartitionSpec(), PartitionSpec("batch")),
        check_vma=False,
    )
    def step(params, opt_state, batch, level):
        params, opt_state, scale = train_step(tx, params, opt_state, batch, level, "batch")
        return jax.tree.map(lambda leaf: leaf[None], params), opt_state, scale[None]

    opt_state = tx.init(params)
    scales = []
    first = params
    for level in LEVEL_OF_STEP:
        everyones, opt_state, scale = step(params, opt_state, batch, level)
        for device in range(1, DEVICES):
            np.testing.assert_array_equal(everyones["w"][0], everyones["w"][device])
            assert scale[0] == scale[device]
        params = jax.tree.map(lambda leaf: leaf[0], everyones)
        scales.append(float(scale[0]))
    if broken_device is None:
        expected_params, expected_scales = single_device(
            oa.aware(optax.scale_by_adam(), policy(), learning_rate=0.05)
        )
        assert scales == expected_scales
        np.testing.assert_allclose(params["w"], expected_params["w"], rtol=1e-5)
    else:
        np.testing.assert_array_equal(params["w"], first["w"])
        assert oa.report(opt_state).skipped == len(LEVEL_OF_STEP)


def test_explicit_sharding_is_kept():
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    mesh = jax.make_mesh((DEVICES,), ("batch",), axis_types=(AxisType.Explicit,))
    scripts = scripted([0.1] * 4, skip=[1], keep=[1], rewind=[2])
    tx = oa.aware(optax.scale_by_adam(), scripts, average=True)
    with jax.set_mesh(mesh):
        params = {
            "w": jax.device_put(jnp.ones((16, 4)), NamedSharding(mesh, PartitionSpec("batch"))),
            "b": jax.device_put(jnp.ones(3), NamedSharding(mesh, PartitionSpec())),
        }
        opt_state = jax.jit(tx.init)(params)
        types = jax.tree.map(jax.typeof, opt_state)
        assert "16@batch" in str(jax.typeof(opt_state.aware_average.average_params["w"]))
        update = jax.jit(tx.update)
        for _ in range(4):
            updates, opt_state = update(params, opt_state, params, value=1.0)
            assert jax.tree.map(jax.typeof, updates) == jax.tree.map(jax.typeof, params)
            assert jax.tree.map(jax.typeof, opt_state) == types


@pytest.mark.parametrize("make", [oa.scale_by_policy, None])
def test_a_named_axis_under_vmap(make):
    decide = policy()
    if make is None:
        rate = oa.as_learning_rate(decide, 1.0, axis_name="member")
        tx = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
    else:
        tx = make(decide, axis_name="member")
    opt_state = tx.init(jnp.ones(()))
    values = jnp.asarray([[1.0, 3.0], [2.0, 2.5], [2.5, 2.0]])

    def member(values):
        def step(opt_state, value):
            _, opt_state = tx.update(jnp.ones(()), opt_state, value=value)
            return opt_state, oa.report(opt_state)

        return jax.lax.scan(step, opt_state, values)[1]

    reports = jax.vmap(member, axis_name="member", in_axes=1)(values)
    np.testing.assert_array_equal(reports.scale[0], reports.scale[1])
    np.testing.assert_array_equal(reports.scale[0], [1.0, 1.0, 0.5])


def test_pmap_with_an_axis_name_and_rates_set_by_hand():
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    tx = oa.aware(optax.identity(), policy(), learning_rate=0.05, axis_name="batch")
    params, batch = start()
    batch = batch.reshape(DEVICES, 4, 16)
    step = jax.pmap(
        lambda params, opt_state, batch, level: train_step(
            tx, params, opt_state, batch, level, "batch"
        ),
        axis_name="batch",
        in_axes=(0, 0, 0, None),
    )
    everyones = jax.tree.map(lambda leaf: jnp.stack([leaf] * DEVICES), params)
    opt_state = jax.pmap(tx.init)(everyones)
    scales = []
    for level in LEVEL_OF_STEP:
        everyones, opt_state, scale = step(everyones, opt_state, batch, level)
        assert len(set(np.asarray(scale).tolist())) == 1
        scales.append(float(scale[0]))
    expected_params, expected_scales = single_device(
        oa.aware(optax.identity(), policy(), learning_rate=0.05)
    )
    assert scales == expected_scales
    np.testing.assert_allclose(everyones["w"][3], expected_params["w"], rtol=1e-5)
    edited = oa.set_learning_rate(oa.reset(opt_state), 0.01)
    _, opt_state, scale = step(everyones, edited, batch, 1.0)
    np.testing.assert_array_equal(scale, 1.0)
    np.testing.assert_array_equal(opt_state.aware_awareness.aware_learning_rate, np.float32(0.01))


def test_editing_a_state_on_a_mesh_compiles_nothing_again(mesh):
    tx = oa.aware(optax.scale_by_adam(), policy(), learning_rate=0.05)
    everywhere = NamedSharding(mesh, PartitionSpec())
    params = jax.device_put(start()[0], everywhere)
    opt_state = jax.jit(tx.init, out_shardings=everywhere)(params)
    update = jax.jit(lambda grads, state: tx.update(grads, state, params, value=1.0)[1])
    opt_state = update(params, update(params, opt_state))
    compiled = update._cache_size()
    for edit in (oa.reset, lambda state: oa.set_learning_rate(state, jnp.float32(0.1))):
        opt_state = update(params, edit(opt_state))
    assert update._cache_size() == compiled


@pytest.mark.parametrize("explicit", [False, True])
def test_a_rate_is_found_alike_on_sharded_parameters(explicit):
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    axis_type = AxisType.Explicit if explicit else AxisType.Auto
    mesh = jax.make_mesh((DEVICES,), ("batch",), axis_types=(axis_type,))
    tx = oa.aware(optax.identity(), total_steps=60)
    curvature = np.float32(np.geomspace(0.1, 1.0, 64 * 16).reshape(64, 16))
    noise = np.float32(0.1 * np.random.default_rng(0).normal(size=(60, 1, 16)))

    def whole(params):
        def step(carry, target):
            params, opt_state = carry
            away = params["w"] - target
            value = 0.5 * jnp.sum(curvature * away**2)
            grads = {"w": curvature * away}
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            carry = (optax.apply_updates(params, updates), opt_state)
            return carry, (oa.learning_rate(opt_state), oa.report(opt_state).condition)

        return jax.lax.scan(step, (params, tx.init(params)), noise)

    params = {"w": jnp.ones((64, 16))}
    _, (expected, conditions) = jax.jit(whole)(params)
    with jax.set_mesh(mesh):
        sharded = jax.device_put(params, NamedSharding(mesh, PartitionSpec("batch")))
        (_, opt_state), (rates, sharded_conditions) = jax.jit(whole)(sharded)
    np.testing.assert_array_equal(sharded_conditions, conditions)
    np.testing.assert_allclose(rates, expected, rtol=1e-4)
    assert len(np.unique(rates)) > 10
    kept = opt_state.aware_snapshot.snapshot_params["w"]
    assert kept.sharding.spec[0] == "batch"
