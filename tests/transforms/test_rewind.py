import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16, jnp.complex64])
def test_a_rewind_from_far_away_settles_within_rounding(dtype):
    far = 1e4 if dtype == jnp.float16 else 1e7
    start = {"w": jnp.asarray([0.1, -0.3, 1.7, 1e-3], dtype)}
    tx = oa.aware(optax.identity(), scripted([far, 1.0, 0.0, 0.0, 0.0], rewind=[1]))
    opt_state = tx.init(start)
    update = jax.jit(tx.update)
    params, steps_back = start, []
    for _ in range(4):
        grads = jax.tree.map(jnp.ones_like, params)
        updates, opt_state = update(grads, opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
        error = jnp.abs(params["w"] - start["w"]) / jnp.abs(start["w"])
        steps_back.append(float(jnp.max(error)))
    assert steps_back[0] > 100.0
    assert steps_back[2] <= 2 * float(jnp.finfo(dtype).eps)
    assert steps_back[3] == steps_back[2]
    wide = jnp.promote_types(dtype, jnp.float32)
    evaluated = oa.eval_params(opt_state, params)["w"].astype(wide)
    np.testing.assert_allclose(evaluated, start["w"].astype(wide), rtol=1e-2)
    assert oa.report(opt_state).rewound == 1
    assert opt_state.aware_awareness.aware_policy_state.script_line == 3


@pytest.mark.parametrize("moved", np.linspace(0.1, 3.0, 7).tolist())
def test_an_ordinary_rewind_is_over_at_once(moved):
    """Even beside a parameter that is next to nothing, and to which the sum is rounded away."""
    start = jnp.asarray([0.1, -0.7, 1.3, 1e-9])
    tx = oa.aware(optax.identity(), scripted([moved, 1.0, 0.0], rewind=[1]))
    params, opt_state = start, tx.init(start)
    update = jax.jit(tx.update)
    for _ in range(2):
        updates, opt_state = update(jnp.ones(4), opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(params, start, rtol=1e-5, atol=1.3e-5)
    assert opt_state.aware_snapshot.snapshot_attempts_left == 0


def test_a_rewind_reaches_beyond_the_range_of_half_precision_updates():
    tx = oa.aware(optax.identity(), scripted([-150.0, -150.0, 1.0, 0.0, 0.0], rewind=[2]))
    start = jnp.ones(2)
    opt_state, params = tx.init(start), start
    update = jax.jit(tx.update)
    for _ in range(6):
        updates, opt_state = update(jnp.full(2, 400.0, jnp.float16), opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(params, start)


def test_a_rewind_of_parameters_that_are_not_finite_gives_up_and_counts():
    tx = oa.aware(optax.identity(), scripted([0.1] * 8, rewind=[0]))
    broken = jnp.asarray([jnp.inf, 1.0])
    opt_state = tx.init(jnp.ones(2))
    update = jax.jit(tx.update)
    for _ in range(8):
        _, opt_state = update(jnp.ones(2), opt_state, broken, value=math.nan)
    assert opt_state.aware_awareness.aware_policy_state.script_line == 4
    assert oa.report(opt_state).nonfinite == 8


def test_a_rewind_restores_the_inner_state():
    tx = oa.aware(
        optax.scale_by_adam(), scripted([0.1] * 6, keep=[2], rewind=[4]), learning_rate=1.0
    )
    params, states = jnp.array([1.0, 2.0]), []
    opt_state = tx.init(params)
    update = jax.jit(tx.update)
    for step in range(5):
        states.append(opt_state.aware_inner_state)
        updates, opt_state = update(params * (step + 1), opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
    jax.tree.map(np.testing.assert_array_equal, opt_state.aware_inner_state, states[2])


def test_a_policy_that_rewinds_without_memory_steps_on():
    tx = oa.aware(optax.identity(), scripted([0.5] * 3, rewind=[1]), rewind=False, average=False)
    params, opt_state = jnp.float32(8.0), tx.init(jnp.float32(8.0))
    for expected in (4.0, 2.0, 1.0):
        updates, opt_state = tx.update(params, opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
        assert params == expected
    assert oa.report(opt_state).rewound == 0
