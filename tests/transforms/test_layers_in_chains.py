"""Layers with rates of their own, in chains, inside `aware` and with a policy each."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references import aware as reference
from tests.references.scripted import scripted

FACTORS = {"a": 0.25, "b": 1.0}
START = {"a": jnp.float32(2.0), "b": jnp.float32(-1.0)}


def gradient(position):
    return 0.5 * position + 0.25


def trained(tx, values, params=None):
    """Return the parameters before each step and after the last one, and the last state."""
    params = START if params is None else params

    def step(carry, value):
        params, opt_state = carry
        updates, opt_state = tx.update(
            jax.tree.map(gradient, params), opt_state, params, value=value
        )
        return (optax.apply_updates(params, updates), opt_state), params

    run = jax.jit(lambda carry, values: jax.lax.scan(step, carry, values))
    (last, opt_state), path = run((params, tx.init(params)), jnp.asarray(values, jnp.float32))
    return jax.tree.map(lambda way, end: np.append(way, end), path, last), opt_state


def test_inside_aware_with_skips_snapshots_and_rewinds():
    scales = [1.0, 0.5, 0.5, 2.0, 1.0, 1.0, 0.25, 1.0]
    plan = {"keep": (2,), "rewind": (5,), "skip": (1,)}
    values = [1.0, 1.0, 1.0, float("nan"), 1.0, 1.0, 1.0, 1.0]
    tx = oa.aware(
        optax.chain(optax.trace(0.5), oa.layerwise(FACTORS)),
        scripted(scales, **plan),
        learning_rate=0.5,
        average=True,
    )
    path, opt_state = trained(tx, values)
    averages = oa.eval_params(opt_state, jax.tree.map(lambda way: jnp.float32(way[-1]), path))
    for name, factor in FACTORS.items():
        expected = reference.run(
            lambda position, factor=factor: factor * gradient(position),
            float(START[name]),
            scales,
            momentum=0.5,
            base_rate=lambda step: 0.5,
            values=values,
            **plan,
        )
        np.testing.assert_allclose(path[name], expected["params"], rtol=1e-5)
        np.testing.assert_allclose(averages[name], expected["averages"][-1], rtol=1e-5)


def test_aware_sees_the_path_that_the_factors_leave():
    tx = oa.aware(
        optax.chain(optax.scale_by_adam(), oa.layerwise(FACTORS)),
        scripted([1.0] * 3, observes=("gradient_dot_update",), seen="gradient_dot_update"),
        learning_rate=0.1,
    )
    path, opt_state = trained(tx, [1.0] * 3)
    slope = sum(gradient(way[2]) * (way[2] - way[1]) for way in path.values())
    np.testing.assert_allclose(oa.report(opt_state).value_mean, slope, rtol=1e-4)
    moved = {name: abs(way[1] - way[0]) for name, way in path.items()}
    np.testing.assert_allclose(moved["a"] / moved["b"], 0.25, rtol=1e-4)


LAST = optax.scale_by_learning_rate(0.1)
CHAINS = {
    "in front of the rate": lambda layers: optax.chain(optax.scale_by_adam(), layers, LAST),
    "behind the rate": lambda layers: optax.chain(optax.adam(0.1), layers),
    "masked": lambda layers: optax.masked(
        optax.chain(optax.adam(0.1), layers), {"a": True, "b": True}
    ),
    "in aware, complete": lambda layers: oa.aware(
        optax.chain(optax.adam(0.1), layers), oa.policies.constant(), learning_rate=1.0
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_behind_the_direction_the_first_step_of_adam_has_the_length_of_the_factor(chain):
    tx = CHAINS[chain](oa.layerwise(FACTORS))
    grads = jax.tree.map(gradient, START)
    updates, _ = tx.update(grads, tx.init(START), START, value=1.0)
    for name, factor in FACTORS.items():
        np.testing.assert_allclose(updates[name], -0.1 * factor * np.sign(grads[name]), rtol=1e-4)


def test_in_front_of_adam_a_factor_has_no_effect_which_the_docstring_says():
    tx = optax.chain(oa.layerwise(FACTORS), optax.scale_by_adam(eps=0.0))
    updates, _ = tx.update(START, tx.init(START), START)
    np.testing.assert_allclose(updates["a"], 1.0, rtol=1e-5)


def test_a_mask_hides_layers_that_need_no_pattern_then():
    tx = optax.masked(oa.layerwise({"a": 0.25}), {"a": True, "b": False})
    updates, _ = tx.update(START, tx.init(START), START)
    assert updates == {"a": 0.5, "b": -1.0}


def test_the_decay_may_be_injected():
    tx = optax.inject_hyperparams(oa.layerwise, static_args=("layers", "decay_from", "default"))(
        layers=("a", "b"), decay=0.25
    )
    updates, _ = jax.jit(tx.update)(START, tx.init(START), START)
    assert updates == {"a": 0.5, "b": -1.0}


def test_a_policy_for_each_group_of_layers():
    groups = {
        "body": oa.aware(
            optax.trace(0.5), scripted([1.0, 0.5, 0.25, 0.125]), learning_rate=0.5, average=False
        ),
        "head": oa.aware(
            optax.scale_by_adam(), oa.policies.reduce_on_plateau(patience=0), learning_rate=0.1
        ),
    }
    tx = optax.partition(groups, lambda params: {"a": "body", "b": "head"})
    path, opt_state = trained(tx, [1.0, 1.0, 1.0, 1.0])
    expected = reference.run(
        gradient, 2.0, [1.0, 0.5, 0.25, 0.125], momentum=0.5, base_rate=lambda step: 0.5
    )
    np.testing.assert_allclose(path["a"], expected["params"], rtol=1e-5)
    alone, alone_state = trained(
        optax.partition({"head": groups["head"]}, {"b": "head"}),
        [1.0, 1.0, 1.0, 1.0],
        {"b": START["b"]},
    )
    np.testing.assert_array_equal(path["b"], alone["b"])
    head = oa.report(opt_state.inner_states["head"])
    assert head == oa.report(alone_state)
    assert head.scale == np.float32(1e-3)
    assert oa.report(opt_state.inner_states["body"]).scale == 0.125
    with pytest.raises(ValueError, match="exactly one policy, got 2"):
        oa.report(opt_state)
