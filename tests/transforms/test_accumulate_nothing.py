"""Updates of which every micro-batch is broken: policies are told, and nothing else moves."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted
from tests.transforms.micro_batches import scanned

NAN = float("nan")
LISTENING = {
    "a label without a policy": lambda policy: optax.partition(
        {
            "listens": oa.aware(optax.trace(0.9), policy, learning_rate=0.5, average=False),
            "deaf": optax.chain(optax.trace(0.9), optax.add_decayed_weights(0.1), optax.scale(-1)),
        },
        {"w": "listens", "v": "deaf"},
    ),
    "links around a policy": lambda policy: optax.chain(
        optax.adamw(0.1), oa.scale_by_policy(policy), optax.add_decayed_weights(-0.1)
    ),
    "a rate": lambda policy: optax.inject_hyperparams(optax.adamw)(
        learning_rate=oa.as_learning_rate(policy, 0.1)
    ),
}


@pytest.mark.parametrize("case", LISTENING)
def test_an_update_of_nothing_moves_no_parameter_whatever_a_policy_is_joined_with(case):
    params = {"w": jnp.ones(2), "v": jnp.ones(2)}
    inner = LISTENING[case](oa.policies.constant())
    bare = inner.init(params)
    tx = oa.accumulate(inner, 2)
    gradients = {"w": jnp.ones((6, 2)), "v": jnp.ones((6, 2))}
    updates, states = scanned(tx, params, gradients, [1.0, 1.0, NAN, NAN, 1.0, 1.0])
    report = oa.report(jax.tree.map(lambda leaf: leaf[-1], states))
    assert (report.step, report.nonfinite, report.skipped) == (3, 1, 1)
    for name in ("w", "v"):
        assert (updates[name][1] != 0.0).all()
        np.testing.assert_array_equal(updates[name][3], 0.0)
    # What follows is what follows where the update of nothing had never been.
    update = jax.jit(inner.update)
    grads = {"w": jnp.ones(2), "v": jnp.ones(2)}
    for end in (1, 5):
        expected, bare = update(grads, bare, params, value=1.0)
        for name in ("w", "v"):
            np.testing.assert_allclose(updates[name][end], expected[name], rtol=1e-6)


def test_an_update_of_nothing_may_rewind_what_the_policy_holds_and_that_alone():
    params = {"w": jnp.full(2, 3.0), "v": jnp.ones(2)}
    inner = LISTENING["a label without a policy"](scripted([1.0] * 4, keep=(1,), rewind=(2, 3)))
    tx = oa.accumulate(inner, 1)
    update = jax.jit(tx.update)
    opt_state = tx.init(params)
    seen = []
    for value in (1.0, 1.0, NAN):
        updates, opt_state = update(
            {"w": jnp.ones(2), "v": jnp.ones(2)}, opt_state, params, value=value
        )
        params = optax.apply_updates(params, updates)
        seen.append((float(params["w"][0]), float(params["v"][0])))
    assert seen[2] == (2.5, seen[1][1])
    assert oa.report(opt_state).rewound == 1
