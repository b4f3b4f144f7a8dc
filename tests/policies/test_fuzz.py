"""Every policy, alone and around an optimizer, under streams of any kind; more in `long`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optax_aware as oa
from tests.policies.fuzz import STEPS, STREAMS, STREAMS_OF_PIECES, losses, observations
from tests.policies.table import BOUNDS, POLICIES

every_policy = pytest.mark.parametrize("name", sorted(POLICIES))
# Compiling a training step takes longer than the few examples of the short profile.
TRAINED = sorted(POLICIES) if settings().max_examples > 100 else ["condition_based", "greedy"]


def test_the_long_profile_looks_elsewhere_at_every_run():
    assert not settings.get_profile("long").derandomize
    assert settings.get_profile("long").max_examples * STREAMS >= 10_000


def _trouble(state):
    """Whether a state holds a NaN, and whether one of its counts has become negative."""
    leaves = jax.tree.leaves(state)
    floats = [leaf for leaf in leaves if leaf.dtype == jnp.float32]
    counts = [leaf for leaf in leaves if leaf.dtype == jnp.int32]
    nan = [jnp.any(jnp.isnan(leaf)) for leaf in floats]
    negative = [jnp.any(leaf < 0) for leaf in counts]
    return jnp.any(jnp.stack([*nan, *negative, jnp.asarray(False)]))


@functools.cache
def decide(name):
    """The policy over many streams of observations at once."""
    policy = POLICIES[name]()

    def stream(observed):
        def step(state, seen):
            state, decision = policy.update(state, seen)
            return state, (decision, _trouble(state))

        return jax.lax.scan(step, policy.init(), observed)[1]

    return jax.jit(functools.partial(jax.lax.map, stream))


@every_policy
@given(streams=STREAMS_OF_PIECES, seed=st.integers(0, 2**31 - 1))
def test_decisions_and_states_stay_in_bounds_under_any_stream(name, streams, seed):
    values = np.stack([losses(pieces) for pieces in streams])
    decisions, trouble = decide(name)(observations(values, seed))
    low, high = np.float32(BOUNDS[name])
    assert not trouble.any()
    assert np.isfinite(decisions.scale).all()
    assert (decisions.scale >= low).all()
    assert (decisions.scale <= high).all()
    assert set(np.asarray(decisions.condition).ravel().tolist()) <= set(oa.Condition)
    for number in decisions.evidence:
        assert (np.asarray(number) > -np.inf).all()


@functools.cache
def train(name):
    """Noisy descent of many members at once, each of which is told any stream for its loss."""
    tx = oa.aware(optax.scale_by_adam(), POLICIES[name](), learning_rate=0.1)

    def member(values, noise, broken):
        params = jnp.asarray([1.0, -2.0, 3.0])

        def step(carry, seen):
            params, opt_state = carry
            value, shift, is_broken = seen
            grads = jnp.where(is_broken, shift * jnp.inf, params + shift)
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            params = optax.apply_updates(params, updates)
            report = oa.report(opt_state)
            trouble = _trouble(opt_state) | ~jnp.all(jnp.isfinite(params))
            return (params, opt_state), (report.learning_rate, trouble)

        return jax.lax.scan(step, (params, tx.init(params)), (values, noise, broken))[1]

    return jax.jit(lambda *streams: jax.lax.map(lambda stream: member(*stream), streams))


@pytest.mark.parametrize("name", TRAINED)
@given(streams=STREAMS_OF_PIECES, seed=st.integers(0, 2**31 - 1))
def test_rates_states_and_parameters_stay_finite_under_any_stream(name, streams, seed):
    values = np.stack([losses(pieces) for pieces in streams])
    random = np.random.default_rng(seed)
    size = 10.0 ** random.uniform(-3, 3, (STREAMS, 1, 1))
    noise = np.float32(size * random.normal(size=(STREAMS, STEPS, 3)))
    broken = random.random((STREAMS, STEPS)) < 0.02
    rates, trouble = train(name)(values, noise, broken)
    assert not trouble.any()
    assert np.isfinite(rates).all()
    assert (np.asarray(rates) >= 0.0).all()
    assert (np.asarray(rates) <= np.float32(max(1.0, BOUNDS[name][1]))).all()
