"""What optax.contrib.reduce_on_plateau and its neighbours get wrong, right here."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa

TRANSFORMS = {
    "scale_by_policy": oa.scale_by_policy,
    "aware": lambda policy: oa.aware(optax.identity(), policy, learning_rate=1.0, average=False),
}

every_transform = pytest.mark.parametrize("transform", TRANSFORMS)


def scales(tx, params, values):
    """Return the scale of every step and the last state."""

    def step(opt_state, value):
        grads = jax.tree.map(jnp.ones_like, params)
        _, opt_state = tx.update(grads, opt_state, params, value=value)
        return opt_state, oa.report(opt_state).scale

    opt_state, seen = jax.lax.scan(step, tx.init(params), jnp.asarray(values, jnp.float32))
    return np.asarray(seen), opt_state


@every_transform
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_a_loss_that_falls_in_small_steps_is_never_cut(transform, dtype):
    tx = TRANSFORMS[transform](oa.policies.reduce_on_plateau(patience=2))
    falling = 1.0 - 0.001 * np.arange(12)
    seen, _ = scales(tx, {"w": jnp.ones(2, dtype)}, falling)
    np.testing.assert_array_equal(seen, 1.0)


@every_transform
def test_a_small_scale_survives_half_precision(transform):
    tx = TRANSFORMS[transform](oa.policies.reduce_on_plateau(factor=0.1, patience=0))
    seen, opt_state = scales(tx, {"w": jnp.ones(2, jnp.float16)}, [1.0] * 11)
    np.testing.assert_allclose(seen[-1], 1e-10, rtol=1e-5)
    np.testing.assert_allclose(oa.learning_rate(opt_state), 1e-10, rtol=1e-5)


@every_transform
def test_an_integer_leaf_does_not_make_the_scale_an_integer(transform):
    tx = TRANSFORMS[transform](oa.policies.reduce_on_plateau(factor=0.5, patience=0))
    seen, _ = scales(tx, {"w": jnp.ones(2), "table": jnp.arange(3)}, [1.0] * 3)
    np.testing.assert_array_equal(seen, [1.0, 0.5, 0.25])


@every_transform
@pytest.mark.parametrize("broken", [[math.nan] * 50, [-math.inf], [math.inf] * 50])
def test_losses_that_are_not_finite_do_not_drive_the_rate_down(transform, broken):
    tx = TRANSFORMS[transform](oa.policies.reduce_on_plateau(patience=5))
    seen, opt_state = scales(tx, jnp.ones(2), [3.0, 2.0, *broken, 1.5, 1.0])
    np.testing.assert_array_equal(seen, 1.0)
    assert oa.report(opt_state).nonfinite == len(broken)


def test_our_fields_do_not_collide_with_those_of_others():
    tx = optax.chain(optax.scale_by_adam(), oa.scale_by_policy(oa.policies.greedy()))
    params = {"scale": jnp.ones(2), "count": jnp.ones(2), "value": jnp.ones(2)}
    opt_state = tx.init(params)
    ours = opt_state[1]
    names = {
        str(getattr(key, "name", ""))
        for path, _ in jax.tree_util.tree_leaves_with_path(ours)
        for key in path
    }
    assert not names & {"scale", "count", "value", "step", "learning_rate", "params", "mu", "nu"}
    assert optax.tree.get(opt_state, "aware_scale") == 1.0
    edited = optax.tree.set(opt_state, aware_scale=jnp.float32(0.5))
    jax.tree.map(np.testing.assert_array_equal, edited[0], opt_state[0])


def test_bare_directions_of_optax_are_handed_the_value_they_would_refuse():
    params = jnp.ones(2)
    for inner in (optax.scale_by_adam(), optax.trace(0.9), optax.identity()):
        tx = oa.aware(inner, oa.policies.constant(), learning_rate=0.1)
        tx.update(params, tx.init(params), params, value=1.0)


def test_policy_and_warmup_go_together():
    warmup = oa.schedules.warmup(oa.schedules.constant(1.0), 10)
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=1, warmup_steps=10)
    tx = oa.aware(optax.identity(), policy, learning_rate=warmup, average=False)
    seen, _ = scales(tx, jnp.ones(2), [1.0] * 14)
    np.testing.assert_array_equal(seen, [1.0] * 12 + [0.5] * 2)


def test_the_form_of_the_state_never_changes_in_a_scan():
    tx = oa.aware(optax.scale_by_adam(), oa.policies.greedy(), learning_rate=0.1)
    _, opt_state = scales(tx, {"w": jnp.ones(2)}, [1.0] * 3)
    assert jax.tree.structure(opt_state) == jax.tree.structure(tx.init({"w": jnp.ones(2)}))
