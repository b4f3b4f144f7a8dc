"""Gradient accumulation: the means, what is left out of them, and what happens in between."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references import accumulation as reference
from tests.transforms.micro_batches import recorder, scanned

NAN, INF = float("nan"), float("inf")


def noisy_micro_batches(seed, count):
    generator = np.random.default_rng(seed)
    gradients = generator.normal(size=(count, 3)).astype(np.float32)
    values = generator.normal(size=count).astype(np.float32)
    weights = generator.integers(0, 5, size=count).astype(np.float32)
    gradients[3, 1], gradients[7, 0], values[5], values[16] = NAN, -INF, NAN, INF
    weights[10:12], weights[19], weights[20] = 0.0, -1.0, NAN
    values[10] = NAN  # of no examples
    values[12:15] = NAN  # with every = 3, a whole window
    return gradients, values, weights


LENGTHS = {
    "one": (1, lambda update: 1),
    "three": (3, lambda update: 3),
    "a schedule": (
        oa.schedules.piecewise_constant([1.0, 2.0, 5.0], [3, 6]),
        lambda update: 1 if update < 3 else 2 if update < 6 else 5,
    ),
    "a schedule of integers": (lambda update: 1 + update % 3, lambda update: 1 + update % 3),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_means_are_those_of_the_slow_reference(case):
    every, length_of = LENGTHS[case]
    gradients, values, weights = noisy_micro_batches(0, 40)
    params = {"w": jnp.zeros(3)}
    updates, states = scanned(
        oa.accumulate(recorder(), every), params, {"w": gradients}, values, weight=weights
    )
    calls = 0
    micro_batches = zip(gradients.tolist(), values.tolist(), weights.tolist(), strict=True)
    rows = reference.accumulate(list(micro_batches), length_of)
    for place, (window, bad) in enumerate(rows):
        row = jax.tree.map(lambda leaf, place=place: leaf[place], (updates, states))
        seen = row[1].accumulation_inner_state
        assert oa.accumulation(row[1]).left_out == bad
        assert oa.accumulation(row[1]).updated == (window is not None)
        if window is None or window.value is None:
            np.testing.assert_array_equal(row[0]["w"], 0.0)
        else:
            calls += 1
            np.testing.assert_allclose(row[0]["w"], window.gradient, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(seen.recorder_value, window.value, rtol=1e-5, atol=1e-6)
        assert seen.recorder_calls == calls
    assert calls > 5


def test_it_is_multisteps_on_gradients_and_better_on_losses():
    generator = np.random.default_rng(1)
    gradients = {"w": generator.normal(size=(12, 4)).astype(np.float32)}
    values = generator.normal(size=12)
    params = {"w": jnp.ones(4)}
    ours, _ = scanned(oa.accumulate(optax.adam(0.1), 3), params, gradients, values)
    theirs, _ = scanned(optax.MultiSteps(optax.adam(0.1), 3), params, gradients, values)
    np.testing.assert_allclose(ours["w"], theirs["w"], rtol=1e-5, atol=1e-7)
    _, states = scanned(oa.accumulate(recorder(), 3), params, gradients, values)
    seen = states.accumulation_inner_state.recorder_value[2::3]
    np.testing.assert_allclose(seen, values.reshape(4, 3).mean(axis=1), rtol=1e-5)
    _, states = scanned(optax.MultiSteps(recorder(), 3), params, gradients, values)
    np.testing.assert_allclose(states.inner_opt_state.recorder_value[2::3], values[2::3], rtol=1e-5)


def test_nothing_usable_is_told_to_a_policy_inside_and_to_nobody_else():
    params, gradients = {"w": jnp.ones(2)}, {"w": jnp.ones((4, 2))}
    values = [NAN, 1.0, NAN, NAN]
    policy = oa.policies.constant()
    for policy_inside in (
        oa.aware(optax.trace(0.5), policy, learning_rate=0.5),
        optax.chain(optax.trace(0.5), optax.scale(-0.5), oa.scale_by_policy(policy)),
    ):
        updates, states = scanned(oa.accumulate(policy_inside, 2), params, gradients, values)
        np.testing.assert_array_equal(updates["w"][:, 0], [0.0, -0.5, 0.0, 0.0])
        report = oa.report(jax.tree.map(lambda leaf: leaf[-1], states))
        assert (report.step, report.nonfinite, report.skipped) == (2, 1, 1)
    updates, states = scanned(oa.accumulate(optax.adam(0.5), 2), params, gradients, values)
    np.testing.assert_allclose(updates["w"][:, 0], [0.0, -0.5, 0.0, 0.0], rtol=1e-5)
    np.testing.assert_array_equal(states.accumulation_inner_state[0].count, [0, 1, 1, 1])
    np.testing.assert_array_equal(states.accumulation_left_out, [1, 1, 2, 3])
    np.testing.assert_array_equal(states.accumulation_updates, [0, 1, 1, 2])


def test_the_newest_validation_value_waits_for_the_update():
    params, gradients = {"w": jnp.ones(2)}, {"w": jnp.ones((8, 2))}
    validation = jnp.array([0.5, NAN, 0.25, 0.125, NAN, INF, NAN, NAN], jnp.float32)
    _, states = scanned(
        oa.accumulate(recorder(), 2), params, gradients, [1.0] * 8, validation_value=validation
    )
    seen = states.accumulation_inner_state.recorder_validation[1::2]
    np.testing.assert_array_equal(seen, np.float32([0.5, 0.125, NAN, NAN]))
    policy = oa.policies.reduce_on_plateau(0.5, 0, monitor="validation_value")
    tx = oa.accumulate(oa.aware(optax.identity(), policy, learning_rate=1.0), 2)
    opt_state, scales = tx.init(params), []
    for step in range(6):
        new = {"validation_value": 1.0} if step % 2 == 0 else {}
        grads = {"w": jnp.ones(2)}
        _, opt_state = jax.jit(tx.update)(grads, opt_state, params, value=1.0, **new)
        scales.append(float(oa.report(opt_state).scale))
    assert scales == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_16_bit_gradients_are_averaged_without_a_bias(dtype):
    length = 512
    noise = np.random.default_rng(2).normal(1.0, 0.25, size=(length, 8))
    gradients = {"w": jnp.asarray(noise, dtype)}
    params = {"w": jnp.ones(8, dtype)}
    updates, states = scanned(
        oa.accumulate(optax.identity(), length), params, gradients, np.ones(length)
    )
    assert updates["w"].dtype == dtype
    assert states.accumulation_mean.micro_gradients["w"].dtype == jnp.float32
    exact = np.asarray(gradients["w"], np.float64).mean(axis=0)
    kept = states.accumulation_mean.micro_gradients["w"][-1]
    np.testing.assert_allclose(kept, exact, rtol=2e-6)
    np.testing.assert_array_equal(updates["w"][-1], jnp.asarray(kept, dtype))
    large = {"w": jnp.full((length, 8), 6e4, dtype)}
    updates, _ = scanned(oa.accumulate(optax.identity(), length), params, large, np.ones(length))
    np.testing.assert_array_equal(updates["w"][-1], large["w"][0])


def test_equal_gradients_are_their_own_mean_to_the_last_bit():
    gradient = np.random.default_rng(3).normal(size=16).astype(np.float32)
    gradients = {"w": np.tile(gradient, (7, 1))}
    updates, _ = scanned(oa.accumulate(optax.identity(), 7), {"w": gradient}, gradients, np.ones(7))
    np.testing.assert_array_equal(updates["w"][-1], gradient)


def test_a_mean_is_finite_where_a_difference_is_not():
    large = np.finfo(np.float32).max
    gradients = np.float32([[large, large], [-large, large], [large, -large]])
    updates, states = scanned(
        oa.accumulate(recorder(), 3),
        {"w": jnp.ones(2)},
        {"w": gradients},
        gradients[:, 0],
        weight=jnp.asarray([1.0, 3.0, 4.0]),
    )
    np.testing.assert_allclose(updates["w"][-1], [large / 4.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(states.accumulation_inner_state.recorder_value[-1], large / 4.0)
