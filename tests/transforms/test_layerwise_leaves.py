"""What `layerwise` does to leaves: their dtypes, traced factors and sharding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import optax_aware as oa

ONES = jnp.ones(2)


def first(updates):
    return {name: float(update[0]) for name, update in updates.items()}


def test_dtypes_integers_and_what_is_not_there():
    tx = oa.layerwise({"**": 0.5})
    params = {
        "bf16": jnp.full(2, 3.0, jnp.bfloat16),
        "f16": jnp.full(2, 3.0, jnp.float16),
        "c64": jnp.full(2, 1.0 + 2.0j, jnp.complex64),
        "table": jnp.arange(3),
        "empty": jnp.zeros((0, 2)),
        "none": None,
    }
    gradients = {**params, "table": np.zeros(3, jax.dtypes.float0)}
    updates, _ = tx.update(gradients, tx.init(params))
    assert updates["none"] is None
    assert updates["table"].dtype == jax.dtypes.float0
    for name in ("bf16", "f16", "c64", "empty"):
        assert updates[name].dtype == params[name].dtype
        np.testing.assert_array_equal(updates[name], params[name] * 0.5)
    zeros = {**gradients, "table": jnp.zeros(3, jnp.int32)}
    assert tx.update(zeros, tx.init(params))[0]["table"].dtype == jnp.int32


def test_traced_factors_and_one_trace():
    params = {"a": ONES, "b": ONES}
    traces = []

    @jax.jit
    def update(factor, decay):
        traces.append(None)
        given = oa.layerwise({"a": factor, "b": 1.0})
        deep = oa.layerwise(["a", "b"], decay=decay)
        return given.update(params, given.init(params))[0], deep.update(params, deep.init(params))[
            0
        ]

    for factor, decay in ((0.5, 0.25), (2.0, 0.5)):
        given, deep = update(factor, decay)
        assert first(given) == {"a": factor, "b": 1.0}
        assert first(deep) == {"a": decay, "b": 1.0}
    assert len(traces) == 1
    swept = jax.vmap(lambda factor: update(factor, factor)[0]["a"])(jnp.array([0.5, 0.25]))
    np.testing.assert_array_equal(swept, [[0.5, 0.5], [0.25, 0.25]])
    with pytest.raises(TypeError, match="outside of jit"):
        jax.jit(lambda factor: len(oa.layer_factors(params, {"**": factor})))(0.5)


def test_sharded_updates_keep_their_sharding():
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("model",))
    sharding = NamedSharding(mesh, PartitionSpec("model"))
    updates = {"w": jax.device_put(jnp.arange(4.0), sharding)}
    tx = oa.layerwise({"w": 0.5})
    halved, _ = jax.jit(tx.update)(updates, tx.init(updates))
    assert halved["w"].sharding.is_equivalent_to(sharding, 1)
    np.testing.assert_array_equal(halved["w"], [0.0, 0.5, 1.0, 1.5])
