"""A factor for each layer: which one, through any tree, and what is refused."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optax_aware as oa
from tests.references import layers as reference


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Network:
    embed: jax.Array
    blocks: list
    head: dict


ONES = jnp.ones(2)
NETWORK = Network(ONES, [{"w": ONES}, (ONES, {"w": ONES})], {"w": ONES, "b": ONES})
DENSE = {f"Dense_{number}": {"kernel": jnp.ones((2, 2)), "bias": ONES} for number in range(3)}
LINEN = {"params": DENSE | {"norm": {"scale": ONES, "bias": ONES}}}
TWELVE = {f"layer_{i}": ONES for i in range(12)} | {"out": ONES}


def test_a_function_of_the_path_gives_the_factors():
    def factor(path):
        return {"bias": 0.5, "scale": None}.get(path.split("/")[-1], 2.0)

    tx = oa.layerwise(factor, default=3.0)
    ones = jax.tree.map(jnp.ones_like, LINEN)
    updates, _ = jax.jit(tx.update)(ones, tx.init(LINEN), LINEN)
    assert float(updates["params"]["Dense_0"]["bias"][0]) == 0.5
    assert float(updates["params"]["Dense_2"]["kernel"][0, 0]) == 2.0
    assert float(updates["params"]["norm"]["scale"][0]) == 3.0
    shown = str(oa.layer_factors(LINEN, factor, default=3.0))
    assert re.search(r"params/Dense_1/bias +\(2,\) +- +0\.5", shown)


def test_a_function_that_gives_no_factor_is_told():
    with pytest.raises(ValueError, match=r"layers must give a factor .* got None for params/norm"):
        oa.layerwise(lambda path: None if "norm" in path else 1.0).init(LINEN)
    with pytest.raises(ValueError, match=r"layers\('params/.*must be a number in"):
        oa.layerwise(lambda path: -1.0).init(LINEN)
    with pytest.raises(ValueError, match="decay must be None where layers gives the factors"):
        oa.layerwise(lambda path: 1.0, decay=0.5)


BY_PATTERN = {
    "dataclass, list, tuple": (
        NETWORK,
        {"embed": 0.25, "blocks/0": 0.5, "blocks/1": 3.0, "head": 1},
    ),
    "linen": (LINEN, {"params/Dense_#": 0.5, "params/norm": 0.0}),
    "a letter": (LINEN, {"params/Dense_?": 0.5, "**/norm": 0.25}),
    "any depth": (LINEN, {"**/bias": 2.0, "**/kernel": 0.5, "**/scale": 0.25}),
    "one array": (ONES, {"**": 0.5}),
    "names with slashes": ({"mlp/~/linear_1": {"w": ONES}}, {"mlp/~/linear_#": 0.5}),
    "names that look like patterns": ({"a.b": ONES, "axb": ONES}, {"a.b": 0.5, "axb": 0.25}),
}


def factors(tree):
    """Return what a tree of ones has become, by path."""
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): float(jnp.ravel(leaf)[0])
        for path, leaf in flat
    }


def scaled(params, *args, **options):
    tx = oa.layerwise(*args, **options)
    ones = jax.tree.map(jnp.ones_like, params)
    updates, state = tx.update(ones, tx.init(params), params, value=1.0)
    assert state == optax.EmptyState()
    assert jax.tree.structure(updates) == jax.tree.structure(params)
    return factors(updates)


@pytest.mark.parametrize("case", BY_PATTERN)
def test_factors_by_pattern(case):
    params, layers = BY_PATTERN[case]
    expected = reference.by_pattern(list(factors(params)), layers)
    assert scaled(params, layers) == expected
    table = oa.layer_factors(params, layers)
    assert {row.path: row.factor for row in table} == expected
    assert all(reference.matches(row.pattern, row.path) for row in table)


NAMES = st.sampled_from(["a", "b", "ab", "a1", "10", "b.a"])
PARTS = st.sampled_from(["a", "b", "*", "**", "?", "#", "a#", "*a", "?b", "*1*", "b.a", "#0"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(PARTS, min_size=1, max_size=4))
def test_a_pattern_means_what_the_slow_reference_says(names, parts):
    path, pattern = "/".join(names), "/".join(parts)
    params = 1.0
    for name in reversed(names):
        params = {name: params}
    if reference.matches(pattern, path):
        (row,) = oa.layer_factors(params, {pattern: 0.5})
        assert row == (path, (), pattern, 0.5)
    else:
        with pytest.raises(ValueError, match=f"no pattern matches {re.escape(path)} "):
            oa.layer_factors(params, {pattern: 0.5})


DEPTHS = {
    "dataclass": (
        NETWORK,
        ["embed", "blocks/#", "head"],
        {"embed": 0, "blocks/0/w": 1, "blocks/1/0": 2, "blocks/1/1/w": 2, "head/w": 3, "head/b": 3},
    ),
    "linen": (
        LINEN["params"],
        ("Dense_#", "norm"),
        {f"Dense_{i}/{leaf}": i for i in range(3) for leaf in ("kernel", "bias")}
        | {"norm/scale": 3, "norm/bias": 3},
    ),
    "numbers, not letters, are sorted": (
        TWELVE,
        ["layer_#", "out"],
        {f"layer_{i}": i for i in range(12)} | {"out": 12},
    ),
    "several patterns are one layer": (
        {"wte": ONES, "wpe": ONES, "attn_0": ONES, "mlp_0": ONES, "attn_3": ONES, "mlp_1": ONES},
        [("wte", "wpe"), ("attn_#", "mlp_#")],
        {"wte": 0, "wpe": 0, "attn_0": 1, "mlp_0": 1, "mlp_1": 2, "attn_3": 3},
    ),
}


@pytest.mark.parametrize("decay_from", ["last", "first"])
@pytest.mark.parametrize("case", DEPTHS)
def test_factors_by_depth(case, decay_from):
    params, layers, depths = DEPTHS[case]
    found = scaled(params, layers, decay=0.8, decay_from=decay_from)
    expected = reference.by_depth(depths, 0.8, decay_from)
    assert found.keys() == expected.keys()
    for path, factor in expected.items():
        np.testing.assert_allclose(found[path], factor, rtol=1e-6)


def test_unmatched_and_doubly_matched_parameters_and_idle_patterns_are_listed():
    params = {"a": {"w": ONES, "b": ONES}, "c": ONES, "d": ONES}
    layers = {"a": 1.0, "**/w": 0.5, "e": 2.0}
    with pytest.raises(ValueError, match="exactly once") as caught:
        oa.layerwise(layers).init(params)
    message = str(caught.value)
    assert "no pattern matches c, d (name them, or give a default)" in message
    assert "more than one pattern matches a/w (by 'a' and '**/w')" in message
    assert "nothing is matched by 'e' among a/b, a/w, c, d" in message
    with pytest.raises(ValueError, match=r"nothing is matched by 'block_#' among embed\.$"):
        oa.layerwise(["embed", "block_#"], decay=0.5).init({"embed": ONES})
    many = {f"x{i:02}": ONES for i in range(25)}
    with pytest.raises(ValueError, match="x19 and 5 more"):
        oa.layerwise({"y": 1.0}).init(many)
    with pytest.raises(ValueError, match="no pattern matches c"):
        oa.layerwise({"a": 1.0}).update({"a": ONES, "c": ONES}, optax.EmptyState())


def test_frozen_layers_without_a_gradient_count():
    params = dict.fromkeys(("embed", "block_0", "block_1", "block_2", "head"), ONES)
    tx = oa.layerwise(["embed", "block_#", "head"], decay=0.5)
    state = tx.init(params)
    whole, _ = tx.update(params, state, params)
    assert factors(whole)["embed"] == 0.0625
    frozen = {**params, "block_0": None, "block_1": None}
    for handed_in in ((params,), ()):
        updates, _ = tx.update(frozen, state, *handed_in)
        assert updates["block_0"] is None
        assert updates["block_1"] is None
        assert factors(updates) == {"embed": 0.0625, "block_2": 0.5, "head": 1.0}
    # What is not there, neither as parameter nor as gradient, needs no pattern.
    updates, _ = tx.update({**frozen, "none": None}, state, {**params, "none": None})
    assert factors(updates)["embed"] == 0.0625
    assert tx.update({**frozen, "none": None}, state)[0]["none"] is None


def test_a_single_array_is_told_how_it_is_named():
    with pytest.raises(ValueError, match=r"the single array, which '\*\*' names"):
        oa.layerwise({"*": 1.0}).init(ONES)
    assert (
        str(oa.layer_factors(ONES, {"**": 0.5})).splitlines()[1] == "-     (2,)   **          0.5"
    )


def test_a_default_takes_what_no_pattern_matches():
    params = {"a": ONES, "c": ONES}
    assert scaled(params, {"a": 0.5}, default=2.0) == {"a": 0.5, "c": 2.0}
    assert scaled(params, {}, default=0.5) == {"a": 0.5, "c": 0.5}
    assert scaled(params, ["a"], decay=0.5, default=0.0) == {"a": 1.0, "c": 0.0}


WRONG = {
    "a negative factor": (
        ({"a": -0.5},),
        {},
        r"layers\['a'\] must be a number in \[0, 3\.4",
    ),
    "a factor that is not finite": (({"a": np.inf},), {}, r"layers\['a'\]"),
    "more than float32 holds": (({"a": 1e39},), {}, r"layers\['a'\] must be a number"),
    "a default that float32 does not hold": (({"a": 1.0},), {"default": 1e39}, "default must be"),
    "a factor that is a schedule": (({"a": oa.schedules.constant(1.0)},), {}, r"layers\['a'\]"),
    "a vector": (({"a": np.ones(2)},), {}, "must be a scalar"),
    "an empty pattern": (({"": 1.0},), {}, "strings that are not empty"),
    "a number as pattern": (({0: 1.0},), {}, "strings that are not empty"),
    "a string": (("a",), {"decay": 0.5}, "a function from path to factor, or a sequence"),
    "no layers": (([],), {"decay": 0.5}, "a function from path to factor, or a sequence"),
    "nothing": ((None,), {}, "a function from path to factor, or a sequence"),
    "no decay": ((["a"],), {}, r"decay must be a number in \(0, 1\]"),
    "a decay for factors": (({"a": 1.0},), {"decay": 0.5}, "decay must be None"),
    "a decay of zero": ((["a"],), {"decay": 0.0}, r"decay must be a number in \(0, 1\]"),
    "a growing decay": ((["a"],), {"decay": 1.5}, r"decay must be a number in \(0, 1\]"),
    "two numbers in a pattern": ((["a_#_#"],), {"decay": 0.5}, "one # in each pattern"),
    "a number in one of two": ((["b", ("a_#", "c")],), {"decay": 0.5}, "one # in each pattern"),
    "an empty layer": ((["b", ()],), {"decay": 0.5}, r"at least one, for each layer, got \(\)"),
    "a number as layer": (([1, 2],), {"decay": 0.5}, "at least one, for each layer, got 1"),
    "a number in a layer": (([("a", 2)],), {"decay": 0.5}, "strings that are not empty"),
    "a direction": ((["a"],), {"decay": 0.5, "decay_from": "top"}, "decay_from must be one of"),
    "a negative default": (({"a": 1.0},), {"default": -1.0}, "default must be a number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments(case):
    arguments, options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        oa.layerwise(*arguments, **options)
    with pytest.raises(ValueError, match=message):
        oa.layer_factors({"a": ONES}, *arguments, **options)


def test_the_table_can_be_read_and_made_from_shapes_alone():
    shapes = jax.eval_shape(lambda: {"w": jnp.ones((3, 2)), "rest": [jnp.ones(4)]})
    table = oa.layer_factors(shapes, {"w": 1 / 3}, default=1.0)
    assert str(table).splitlines() == [
        "path    shape   pattern  factor",
        "rest/0  (4,)    -             1",
        "w       (3, 2)  w        0.3333",
    ]
    assert repr(table) == str(table)
    assert len(table) == 2
    assert table[1].shape == (3, 2)
    assert [row.pattern for row in table[:]] == ["", "w"]
