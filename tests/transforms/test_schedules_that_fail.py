"""A rate that is no number of at least 0 costs the steps at which it is; they are counted."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted

STEPS = 6
BROKEN = (0, 2, 3)


def failing(number):
    """Return a schedule that gives ``number`` at some steps."""
    broken = jnp.asarray(BROKEN)
    return lambda step: jnp.where(jnp.any(step == broken), number, 0.1)


def states(tx, params, steps=STEPS):
    """Return parameters and states after each step."""
    step = jax.jit(lambda params, opt_state: _stepped(tx, params, opt_state))
    opt_state, seen = tx.init(params), []
    for _ in range(steps):
        params, opt_state = step(params, opt_state)
        seen.append((np.asarray(params), opt_state))
    return seen


def _stepped(tx, params, opt_state):
    updates, opt_state = tx.update(jnp.ones_like(params), opt_state, params, value=1.0)
    return optax.apply_updates(params, updates), opt_state


@pytest.mark.parametrize("number", [jnp.nan, jnp.inf, -jnp.inf, -0.1])
@pytest.mark.parametrize("policy", [oa.policies.constant(), oa.policies.reduce_on_plateau()])
def test_aware_leaves_the_step_out(number, policy):
    params = jnp.zeros(3)
    tx = oa.aware(optax.scale_by_adam(), policy, learning_rate=failing(number), average=True)
    assert oa.learning_rate(tx.init(params)) == 0.0
    before = np.zeros(3)
    for step, (after, opt_state) in enumerate(states(tx, params)):
        report = oa.report(opt_state)
        assert (report.condition == oa.Condition.NONFINITE) == (step in BROKEN)
        assert report.learning_rate == (0.0 if step in BROKEN else np.float32(0.1))
        assert np.array_equal(before, after) == (step in BROKEN)
        before = after
    assert report.skipped == report.nonfinite == len(BROKEN)
    assert opt_state.aware_inner_state.count == STEPS - len(BROKEN)
    assert opt_state.aware_average.average_taken == STEPS - len(BROKEN)
    skipped = [(event.first_step, event.last_step) for event in oa.events(opt_state)]
    assert skipped == [(0, 0), (2, 3)]


@pytest.mark.parametrize("number", [jnp.nan, jnp.inf])
def test_a_policy_that_finds_its_rate_survives_it(number):
    tx = oa.aware(optax.identity(), learning_rate=failing(number), average=False)
    seen = states(tx, jnp.ones(3))
    assert all(np.isfinite(params).all() for params, _ in seen)
    _, opt_state = seen[-1]
    leaves = jax.tree.leaves(opt_state.aware_awareness.aware_policy_state)
    assert not any(np.isnan(leaf).any() for leaf in leaves)
    assert oa.report(opt_state).skipped == len(BROKEN)


def test_as_learning_rate_gives_a_rate_of_zero():
    rate = oa.as_learning_rate(oa.policies.constant(), failing(jnp.nan))
    tx = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
    before = np.zeros(3)
    seen = states(tx, jnp.zeros(3))
    for step, (after, _) in enumerate(seen):
        np.testing.assert_allclose(before - after, 0.0 if step in BROKEN else 0.1, rtol=1e-5)
        before = after
    assert oa.report(seen[-1][1]).nonfinite == len(BROKEN)


def test_a_rate_beyond_float32_is_none():
    tx = oa.aware(optax.identity(), oa.policies.loss_ratio(), learning_rate=1e38, average=False)
    params, opt_state = jnp.zeros(2), None
    opt_state = tx.init(params)
    for value in (1.0, 9.0):
        _, opt_state = tx.update(jnp.ones(2), opt_state, params, value=value)
    assert oa.report(opt_state).nonfinite == 1


@pytest.mark.parametrize("rate", [-1.0, jnp.nan, jnp.inf])
def test_a_traced_rate_is_held_to_the_same(rate):
    @jax.jit
    def updated(rate):
        tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=rate)
        params = jnp.ones(2)
        updates, opt_state = tx.update(params, tx.init(params), params, value=1.0)
        return updates, oa.report(opt_state)

    updates, report = updated(rate)
    assert not np.any(updates)
    assert (report.learning_rate, report.nonfinite) == (0.0, 1)


@pytest.mark.parametrize("total_steps", [0, -3, 0.0, jnp.nan, jnp.inf])
def test_a_traced_length_is_read_as_one_that_is_allowed(total_steps):
    @jax.jit
    def rates(total_steps):
        tx = oa.aware(
            optax.identity(), oa.policies.constant(), learning_rate=0.1, total_steps=total_steps
        )
        opt_state, params, seen = tx.init(jnp.ones(2)), jnp.ones(2), []
        for _ in range(3):
            _, opt_state = tx.update(params, opt_state, params, value=1.0)
            seen.append(oa.learning_rate(opt_state))
        return jnp.stack(seen)

    lasting = total_steps == jnp.inf
    expected = [0.1, 0.1, 0.1] if lasting else [0.1, 0.0, 0.0]
    np.testing.assert_allclose(rates(total_steps), expected, rtol=1e-6)


def test_a_policy_is_not_heard_at_a_step_without_a_rate():
    """Or it would believe in a snapshot that was not taken."""
    policy = scripted([1.0] * STEPS, keep=[3], rewind=[4])
    tx = oa.aware(optax.identity(), policy, learning_rate=failing(jnp.nan), average=False)
    path = [params for params, _ in states(tx, jnp.zeros(2), steps=8)]
    # The lines of the script are heard at steps 1, 4, 5, 6 and 7.
    np.testing.assert_allclose(path[5], -0.3, rtol=1e-6)
    np.testing.assert_allclose(path[6], -0.4, rtol=1e-6)
    np.testing.assert_allclose(path[7], path[5])
