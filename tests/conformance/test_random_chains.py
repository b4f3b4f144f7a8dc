"""Chains of optax's wrappers around ours, drawn at random; many more in the profile `long`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization
from hypothesis import given, note, settings

import optax_aware as oa
from tests.conformance.grammar import PLANS

STEPS = 8
RESHAPING = ("flatten", "masked", "partition")
"""What shows ours other parameters than there are: the average is of those, and has their form."""


def form(tree):
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves]


def parameters():
    return {"kernel": jnp.asarray([[0.5, -1.0], [2.0, 0.25]]), "bias": jnp.ones(2)}


@settings(max_examples=max(8, settings().max_examples * 3 // 4))
@given(plan=PLANS)
def test_any_chain_of_wrappers_trains(plan):
    note(str(plan))
    tx, params, traces = plan.make(), parameters(), []
    opt_state = tx.init(params)
    expected = form(opt_state)

    @jax.jit
    def step(params, opt_state, value):
        traces.append(None)
        grads = jax.tree.map(lambda leaf: leaf + 0.125, params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    for number in range(STEPS):
        value = jnp.float32(jnp.nan if number == 5 else 1.0 / (1 + number))
        params, opt_state = step(params, opt_state, value)
        assert form(opt_state) == expected
    assert len(traces) == 1
    for leaf in jax.tree.leaves(params):
        assert np.isfinite(leaf).all()
    # To bytes it would go as well, but for the ordered dicts of named_chain.
    saved = serialization.to_state_dict(opt_state)
    restored = serialization.from_state_dict(tx.init(parameters()), saved)
    jax.tree.map(np.testing.assert_array_equal, opt_state, restored)
    report = oa.report(opt_state)
    assert np.isfinite(report.learning_rate)
    assert report.step == STEPS // plan.held
    assert oa.learning_rate(opt_state) == report.learning_rate
    oa.events(opt_state)
    if not any(word in plan.text for word in RESHAPING):
        assert form(oa.eval_params(opt_state, params)) == form(params)
    edited = oa.reset(oa.set_learning_rate(opt_state, 0.01))
    step(params, edited, value)
    assert len(traces) == 1
