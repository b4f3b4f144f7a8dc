"""A loss that has come to stay above what it was, seen through its noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optax_aware.policies._lasting_rise import first_rise, forget_values, watch_rise

RUNS, STEPS = 2000, 1000


@jax.jit
@jax.vmap
def alarms(values):
    """Whether it was said to have risen, at each step."""

    def step(state, value):
        state, view = watch_rise(state, value, jnp.asarray(True), jnp.float32(0.0))
        return state, view.rose

    return jax.lax.scan(step, first_rise(), values)[1]


def noise(kind, seed=0):
    random = np.random.default_rng(seed)
    if kind == "heavy":
        return random.standard_t(3, (RUNS, STEPS)) / np.sqrt(3.0)
    values = random.normal(size=(RUNS, STEPS))
    if kind == "correlated":
        for step in range(1, STEPS):
            values[:, step] = 0.5 * values[:, step - 1] + np.sqrt(0.75) * values[:, step]
    return values


@pytest.mark.parametrize(
    ("kind", "share"), [("white", 0.03), ("heavy", 0.03), ("correlated", 0.08)]
)
def test_noise_is_hardly_ever_taken_for_a_rise(kind, share):
    alarmed = np.asarray(alarms(jnp.asarray(noise(kind), jnp.float32)))
    assert alarmed.any(axis=1).mean() <= share


def test_a_falling_loss_raises_no_alarm():
    falling = np.linspace(3.0, 0.0, STEPS) + 0.3 * noise("white", 1)[:200]
    assert not np.asarray(alarms(jnp.asarray(falling, jnp.float32))).any()


@pytest.mark.parametrize(("rise", "within"), [(1.0, 120), (2.0, 40)])
def test_a_rise_is_found_soon_and_by_most(rise, within):
    since = 400
    values = noise("white", 2)[:500] + rise * (np.arange(STEPS) >= since)
    alarmed = np.asarray(alarms(jnp.asarray(values, jnp.float32)))[:, since:]
    delay = np.where(alarmed.any(axis=1), alarmed.argmax(axis=1), STEPS)
    assert np.median(delay) <= within
    assert (delay <= 3 * within).mean() > 0.95


def test_values_from_before_a_jump_are_forgotten_and_the_best_is_not():
    state = first_rise()
    for _ in range(30):
        state, _ = watch_rise(state, jnp.float32(1.0), jnp.asarray(True), jnp.float32(0.0))
    assert state.rise_best == 1.0
    state = forget_values(state)
    for number in range(20):
        state, view = watch_rise(state, jnp.float32(1.5), jnp.asarray(True), jnp.float32(4.0))
        assert bool(view.rose) == (number == 19)  # a tenth of all progress must be lost as well
    assert state.rise_best == 1.0
