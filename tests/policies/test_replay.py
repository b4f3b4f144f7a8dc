"""Replay on recorded curves."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import optax_aware as oa


def test_stacks_every_field_over_time():
    decisions = oa.policies.replay(oa.policies.loss_ratio(), [2.0, 1.0, 4.0])
    assert {leaf.shape for leaf in jax.tree.leaves(decisions)} == {(3,)}
    assert decisions.scale.tolist() == [1.0, 0.5, 2.0]


def test_tells_the_policy_the_step_and_both_values():
    def update(state, observation):
        scale = observation.value + 10.0 * observation.step + 100.0 * observation.validation_value
        return state, oa.Decision(scale=scale, condition=jnp.int32(0))

    policy = oa.Policy(lambda: (), update)
    decisions = oa.policies.replay(policy, [1, 2, 3], [4.0, np.nan, 6.0])
    np.testing.assert_array_equal(decisions.scale, [401.0, np.nan, 623.0])
    assert np.isnan(oa.policies.replay(policy, [1, 2]).scale).all()


def test_empty_curve_and_large_numbers():
    assert oa.policies.replay(oa.policies.constant(), []).scale.shape == (0,)
    curve = np.array([1e300, 1.0, 2.0, 1e-300])
    assert oa.policies.replay(oa.policies.loss_ratio(), curve).scale.tolist() == [1, 1, 2, 2]


def test_compiled_once_for_curves_of_one_length():
    traces = []

    def update(state, observation):
        traces.append(None)
        return state, oa.Decision(scale=observation.value, condition=jnp.int32(0))

    policy = oa.Policy(lambda: (), update)
    for value in range(3):
        oa.policies.replay(policy, [value, value])
    assert len(traces) == 1


def test_programs_of_many_policies_are_let_go():
    policies = [oa.policies.loss_ratio(max_scale=2.0 + number) for number in range(40)]
    for policy in policies:
        oa.policies.replay(policy, [2.0, 1.0])
    updates = [weakref.ref(policy.update) for policy in policies]
    del policies, policy
    gc.collect()
    assert sum(update() is not None for update in updates) < 20


@pytest.mark.parametrize("policy", [oa.policies.greedy, "greedy", None])
def test_what_is_no_policy_is_told(policy):
    with pytest.raises(ValueError, match="policy must be a Policy"):
        oa.policies.replay(policy, [1.0])


@pytest.mark.parametrize("values", [1.0, [[1.0, 2.0]]])
def test_values_must_be_a_vector(values):
    with pytest.raises(ValueError, match=r"values must be a vector of losses, got shape \("):
        oa.policies.replay(oa.policies.constant(), values)


def test_validation_values_must_have_the_same_shape():
    with pytest.raises(ValueError, match=r"shape of values, \(2,\), got \(3,\)"):
        oa.policies.replay(oa.policies.constant(), [1.0, 2.0], [1.0, 2.0, 3.0])
