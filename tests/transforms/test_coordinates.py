"""The sample of coordinates from which inner products are estimated."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from optax_aware.transforms._coordinates import (
    SAMPLE_SIZE,
    SAMPLED_LEAVES,
    plan_sample,
    sample_weights,
    take_sample,
)


def shapes(**sizes):
    return {name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in sizes.items()}


LARGE = shapes(
    a=((50, 40), jnp.float32), b=((30_000,), jnp.bfloat16), c=((7,), jnp.float32), d=((), "float32")
)


def flat_indices(plan, tree):
    leaves = jax.tree.leaves(tree)
    return {
        leaf.position: np.ravel_multi_index(leaf.indices, leaves[leaf.position].shape)
        if leaf.indices
        else np.zeros(1, int)
        for leaf in plan
    }


def test_every_coordinate_is_drawn_once_and_stands_for_its_share():
    plan = plan_sample(LARGE)
    drawn = flat_indices(plan, LARGE)
    sizes = [leaf.size for leaf in jax.tree.leaves(LARGE)]
    assert set(drawn) == {0, 1, 2, 3}
    for leaf in plan:
        places = drawn[leaf.position]
        assert len(np.unique(places)) == len(places)
        assert places.min() >= 0
        assert places.max() < sizes[leaf.position]
        assert leaf.weight == pytest.approx(sizes[leaf.position] / len(places))
    counts = [len(drawn[position]) for position in range(4)]
    # In proportion to the roots of the sizes, rounded down; what is left over goes to the largest.
    shares = SAMPLE_SIZE * np.sqrt(sizes) / np.sum(np.sqrt(sizes))
    assert counts[2:] == [4, 1] == np.floor(shares[2:]).tolist()
    assert counts[0] == pytest.approx(shares[0], abs=1.0)
    assert sum(counts) == SAMPLE_SIZE


def test_the_plan_depends_on_shapes_alone():
    random = np.random.default_rng(0)
    filled = jax.tree.map(
        lambda leaf: jnp.asarray(random.normal(size=leaf.shape), leaf.dtype), LARGE
    )
    expected = plan_sample(LARGE)
    for tree in (filled, jax.tree.map(jnp.zeros_like, filled), LARGE):
        plan = plan_sample(tree)
        assert [leaf.position for leaf in plan] == [leaf.position for leaf in expected]
        assert [leaf.weight for leaf in plan] == [leaf.weight for leaf in expected]
        for leaf, same in zip(plan, expected, strict=True):
            np.testing.assert_array_equal(leaf.indices, same.indices)


def test_inner_products_are_unbiased():
    sizes = {"a": (60, 50), "b": (900,), "c": (40,)}
    random = np.random.default_rng(1)
    draws = 400
    trees = {name: random.normal(1.0, 2.0, (draws, *size)) for name, size in sizes.items()}
    others = {name: random.normal(0.5, 1.0, (draws, *size)) for name, size in sizes.items()}
    plan = plan_sample(jax.tree.map(lambda leaf: leaf[0], trees))
    take = jax.vmap(lambda tree: take_sample(plan, tree))
    weights = sample_weights(plan)
    estimates = np.sum(weights * take(trees) * take(others), axis=1)
    exact = sum(
        np.sum(trees[name] * others[name], axis=tuple(range(1, others[name].ndim)))
        for name in sizes
    )
    errors = estimates - exact
    standard_error = np.std(errors) / np.sqrt(draws)
    assert abs(np.mean(errors)) < 4 * standard_error
    # ... and a sum of numbers that are alike is exact.
    ones = jax.tree.map(lambda leaf: jnp.ones(leaf.shape[1:]), trees)
    total = np.sum(weights * take_sample(plan, ones))
    assert total == pytest.approx(3000 + 900 + 40, rel=1e-6)


def test_a_wave_along_an_axis_is_not_missed():
    # A regular grid would see one phase of a periodic leaf alone.
    size = 128 * 256
    periodic = {"w": jnp.tile(jnp.asarray([1.0] + [0.0] * 7), size // 8).reshape(128, 256)}
    plan = plan_sample(periodic)
    estimate = np.sum(sample_weights(plan) * take_sample(plan, periodic))
    assert estimate == pytest.approx(size / 8, rel=0.5)


EXACT = {
    "scalar": jnp.float32(3.0),
    "small": {"w": jnp.arange(1.0, 13.0).reshape(3, 4), "b": jnp.ones(2)},
    "as many as are sampled": jnp.linspace(-1.0, 2.0, SAMPLE_SIZE),
    "empty leaf": {"e": jnp.ones((0, 3)), "w": jnp.ones(3)},
    "no leaves": {},
    "nothing to follow": {"i": jnp.arange(4), "e": jnp.ones(0)},
    "integers": {"a": jnp.arange(5), "w": jnp.full(3, 2.0), "z": jnp.zeros(2, bool)},
    "half precision": {"a": jnp.ones(3, jnp.bfloat16), "b": jnp.full(2, 0.5, jnp.float16)},
    "complex": {"a": jnp.asarray([1 + 2j, 3 - 1j]), "w": jnp.full(2, 2.0)},
    "none": {"w": jnp.ones(3), "missing": None},
    "python numbers": {"a": 2.0, "b": 3},
    "numpy": np.arange(3.0),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_tree_smaller_than_the_sample_is_taken_whole(name):
    tree = EXACT[name]
    plan = plan_sample(tree)
    sample = take_sample(plan, tree)
    weights = sample_weights(plan)
    assert sample.dtype == np.float32
    assert not sample.weak_type
    assert sample.shape == weights.shape
    assert weights.dtype == np.float32
    floats = [
        np.asarray(leaf).astype(complex).ravel()
        for leaf in jax.tree.leaves(tree)
        if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
    ]
    vector = np.concatenate([np.zeros(0, complex), *floats])
    expected = np.sum(np.abs(vector) ** 2)
    assert np.sum(weights * sample * sample) == pytest.approx(expected, rel=1e-6)


def test_gradients_of_integers_are_not_touched():
    params = {"table": jnp.arange(3), "w": jnp.asarray([1.0, 2.0])}
    gradients = {"table": np.zeros(3, jax.dtypes.float0), "w": jnp.asarray([3.0, 4.0])}
    np.testing.assert_array_equal(take_sample(plan_sample(params), gradients)[:2], [3.0, 4.0])


def positions(tree):
    return [leaf.position for leaf in plan_sample(tree)]


def test_of_many_shapes_the_largest_are_taken():
    tree = [jnp.zeros(size) for size in range(1, 2 * SAMPLED_LEAVES + 1)]
    assert positions(tree) == list(range(SAMPLED_LEAVES, 2 * SAMPLED_LEAVES))


def test_of_many_leaves_every_shape_is_taken_and_all_of_the_tree():
    layers = [{"w": jnp.zeros((30, 30)), "b": jnp.zeros(30)} for _ in range(40)]
    tree = {"embed": jnp.zeros((100, 30)), "head": jnp.zeros((30, 7)), "layers": layers}
    taken = positions(tree)
    assert len(taken) == SAMPLED_LEAVES
    assert taken[:2] == [0, 1]
    of_layers = np.array(taken[2:]) - 2
    for kind in (0, 1):
        depths = of_layers[of_layers % 2 == kind] // 2
        assert len(depths) == 7
        assert depths.min() < 4
        assert depths.max() > 35
        assert np.diff(depths).max() < 8


@pytest.mark.parametrize("layers", [3, 12, 24])
def test_of_many_layers_all_are_accounted_for(layers):
    random = np.random.default_rng(layers)

    def filled(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    tree = {
        "embed": filled(100, 30),
        "layers": [
            {"w": filled(30, 60), "v": filled(60, 30), "b": filled(60)} for _ in range(layers)
        ],
    }
    plan = plan_sample(tree)
    sample = take_sample(plan, tree)
    exact = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(tree))
    assert np.sum(sample_weights(plan) * sample * sample) == pytest.approx(exact, rel=0.25)
    assert np.sum(sample_weights(plan)) == pytest.approx(3000 + layers * 3660, rel=1e-5)
    assert len(sample) <= SAMPLE_SIZE


def test_a_plan_for_a_hundred_million_coordinates_costs_nothing():
    tree = [jax.ShapeDtypeStruct((4000, 5000), jnp.bfloat16) for _ in range(5)]
    tracemalloc.start()
    plan = plan_sample(tree)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10**6
    assert sum(len(leaf.indices[0]) for leaf in plan) <= SAMPLE_SIZE
    assert np.sum(sample_weights(plan)) == pytest.approx(10**8, rel=1e-3)
    program = jax.make_jaxpr(lambda tree: take_sample(plan, tree))(tree)
    assert max(var.aval.size for eqn in program.eqns for var in eqn.outvars) <= SAMPLE_SIZE


@pytest.mark.parametrize("explicit", [False, True])
def test_sharded_arrays_give_the_sample_of_whole_ones(explicit):
    devices = jax.devices()
    if len(devices) < 8:
        pytest.skip(f"needs 8 devices, this machine shows {len(devices)}")
    random = np.random.default_rng(2)
    whole = {"w": random.normal(size=(64, 32)), "b": random.normal(size=8), "s": np.float64(2.0)}
    whole = jax.tree.map(jnp.float32, whole)
    plan = plan_sample(whole)
    expected = take_sample(plan, whole)
    axis_type = AxisType.Explicit if explicit else AxisType.Auto
    mesh = Mesh(np.asarray(devices[:8]).reshape(4, 2), ("x", "y"), axis_types=(axis_type,) * 2)
    specs = {"w": PartitionSpec("x", "y"), "b": PartitionSpec("y"), "s": PartitionSpec()}
    with jax.set_mesh(mesh):
        sharded = {
            name: jax.device_put(leaf, NamedSharding(mesh, specs[name]))
            for name, leaf in whole.items()
        }
        taken = jax.jit(lambda tree: take_sample(plan_sample(tree), tree))(sharded)
        assert taken.sharding.is_fully_replicated
    np.testing.assert_array_equal(taken, expected)
