"""Devices with parameters of their own rewind together, and wait for the last to arrive."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, PartitionSpec

import optax_aware as oa
from tests.references.scripted import scripted

STARTS = jnp.asarray([1.0, 3.0])
GRADIENTS = jnp.asarray([[1.0, 1.0], [1.0, 1e8], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
"""The second parameter moves so far that one update back is rounded: it arrives a step later."""


def run(starts, gradients, axis_name=None):
    script = scripted([1.0] * 8, keep=(0,), rewind=(2,))
    tx = oa.aware(optax.identity(), script, learning_rate=1.0, average=True, axis_name=axis_name)

    def step(carry, gradient):
        params, opt_state = carry
        updates, opt_state = tx.update(gradient, opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
        left = opt_state.aware_snapshot.snapshot_attempts_left
        return (params, opt_state), (params, left, oa.report(opt_state))

    return jax.lax.scan(step, (starts, tx.init(starts)), gradients)[1]


@pytest.mark.parametrize("check_vma", [False, True])
def test_devices_of_which_one_needs_longer_settle_together(check_vma):
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("model",))
    own, alike = PartitionSpec("model"), PartitionSpec()
    per_step = PartitionSpec(None, "model")

    def mapped(starts, gradients):
        params, left, report = run(starts, gradients, "model")
        if not check_vma:  # Where it is not checked that all devices have the same, show each.
            left = left[:, None]
        return params, left, report

    sharded = jax.shard_map(
        mapped,
        mesh=mesh,
        in_specs=(own, per_step),
        out_specs=(per_step, alike if check_vma else per_step, alike),
        check_vma=check_vma,
    )
    params, left, report = jax.jit(sharded)(STARTS, GRADIENTS)
    expected_params, expected_left, expected_report = jax.jit(run)(STARTS, GRADIENTS)
    assert expected_left.tolist() == [0, 0, 4, 0, 0]
    assert expected_params[2, 1] != STARTS[1]
    np.testing.assert_array_equal(expected_params[3], STARTS)
    np.testing.assert_array_equal(params, expected_params)
    for lefts in left.reshape(5, -1).T:
        np.testing.assert_array_equal(lefts, expected_left)
    jax.tree.map(np.testing.assert_array_equal, report, expected_report)


def test_all_that_is_decided_is_the_same_on_devices_with_parameters_of_their_own():
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("model",))
    own, alike = PartitionSpec("model"), PartitionSpec()
    policy = scripted([1.0] * 4, observes=("gradient_dot_path",))
    aware = oa.aware(optax.identity(), policy, learning_rate=0.1, axis_name="model")
    tx = oa.accumulate(aware, 2, axis_name="model")

    def two_steps(params, opt_state, value):
        # The second parameter is broken, and with it the coordinates that the policy looks at.
        for _ in range(2):
            _, opt_state = tx.update(params, opt_state, params, value=value)
        return opt_state

    params = jnp.asarray([1.0, jnp.nan])
    opt_state = tx.init(params)
    specs = jax.tree.map(lambda leaf: own if leaf.shape == params.shape else alike, opt_state)
    mapped = jax.shard_map(
        two_steps, mesh=mesh, in_specs=(own, specs, alike), out_specs=specs, check_vma=True
    )
    opt_state = jax.jit(mapped)(params, opt_state, 1.0)
    assert oa.accumulation(opt_state).left_out == 2
    assert opt_state.accumulation_inner_state.aware_path.path_taken == 0
