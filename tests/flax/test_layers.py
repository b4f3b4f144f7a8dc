"""A factor for each layer of networks as flax holds them."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx
from flax.core import freeze

import optax_aware as oa
from tests.references import layers as reference


class LinenNetwork(linen.Module):
    @linen.compact
    def __call__(self, inputs):
        for _ in range(3):
            inputs = linen.Dense(2)(inputs)
        return linen.LayerNorm(name="norm")(inputs)


class NnxNetwork(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([nnx.Linear(2, 2, rngs=rngs) for _ in range(2)])
        self.head = nnx.Linear(2, 1, rngs=rngs)


LINEN = LinenNetwork().init(jax.random.key(0), jnp.ones((1, 2)))
NNX = nnx.state(NnxNetwork(nnx.Rngs(0)), nnx.Param)
NETWORKS = {
    "linen": (LINEN, {"params/Dense_#": 0.5, "params/norm": 0.0}),
    "frozen": (freeze(LINEN), {"params/Dense_?": 0.5, "**/norm": 0.25}),
    "nnx": (NNX, {"blocks/*/kernel": 0.5, "blocks/#/bias": 0.25, "head": 2.0}),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_factors_by_pattern(network):
    params, patterns = NETWORKS[network]
    tx = oa.layerwise(patterns)
    updates, _ = tx.update(jax.tree.map(jnp.ones_like, params), tx.init(params), params)
    assert jax.tree.structure(updates) == jax.tree.structure(params)
    flat, _ = jax.tree_util.tree_flatten_with_path(updates)
    factors = {
        jax.tree_util.keystr(path, simple=True, separator="/"): float(jnp.ravel(leaf)[0])
        for path, leaf in flat
    }
    assert factors == reference.by_pattern(list(factors), patterns)
    assert {row.path: row.factor for row in oa.layer_factors(params, patterns)} == factors


def test_factors_by_depth():
    rows = oa.layer_factors(LINEN["params"], ("Dense_#", "norm"), decay=0.5)
    by_path = {row.path: row.factor for row in rows}
    assert by_path["Dense_0/kernel"] == by_path["Dense_0/bias"] == 0.125
    assert by_path["Dense_2/kernel"] == 0.5
    assert by_path["norm/scale"] == 1.0
