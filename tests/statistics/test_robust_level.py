"""robust_level against plain Python, and the values it leaves out of noise of known kinds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optax_aware.statistics import robust_level
from tests.references.statistics import robust_level as reference
from tests.statistics import streams
from tests.statistics.streams import CURVES, EPSILON, LARGEST

DEFAULTS = {"decay": 0.9, "deviation_decay": 0.95}


@jax.jit
def left_out(values):
    """Where a value lies more than 8 deviations off, and is not taken in; 20 are believed."""
    statistic = robust_level()

    def update(state, value):
        new, estimate = statistic.update(state, value)
        far = jnp.abs(estimate.excess) > 8 * estimate.deviation
        far &= state.robust_seen >= 20
        return jax.tree.map(lambda old, new: jnp.where(far, old, new), state, new), far

    return streams.over_runs(update, statistic.init, values)


@pytest.mark.parametrize(
    "options",
    [
        DEFAULTS,
        {"decay": 0.0, "deviation_decay": 0.0},
        {"decay": 1.0, "deviation_decay": 1.0},
    ],
    ids=["default", "latest", "everything"],
)
@pytest.mark.parametrize("name", CURVES)
def test_against_reference(name, options):
    values = CURVES[name]
    states, estimates = streams.states_and_estimates(robust_level, options, values)
    assert streams.holds_still(states, (), values)
    assert (np.asarray(estimates.excess)[~np.isfinite(values)] == 0).all()
    finite = values[np.isfinite(values)].astype(np.float64)
    expected = reference(finite, **options)
    level, deviation, excess = streams.at_finite(estimates, values).T
    # Every value leaves a rounding of the level, of which the next ones forget a part.
    memory = 1 / (1 - min(options["decay"], 0.995))
    slack = EPSILON * memory * np.maximum.accumulate(np.abs(finite))
    assert (np.abs(level - expected[:, 0]) <= slack).all()
    assert (np.abs(excess - expected[:, 2]) <= 2 * slack).all()
    assert (np.abs(deviation - expected[:, 1]) <= 4 * slack + 1e-5 * expected[:, 1]).all()
    assert (deviation[1:] >= 4 * EPSILON * np.abs(level[1:])).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@example(values=[LARGEST, -LARGEST] * 10)
@example(values=[-LARGEST, LARGEST, 0.0])
@example(values=[2.4338768e38, 1.53e38, 2.4338768e38, -1.2e38])
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_any_stream_leaves_a_finite_state(values):
    padded = np.full(streams.LENGTH, np.nan, np.float32)
    padded[: len(values)] = values
    states, estimates = streams.states_and_estimates(robust_level, DEFAULTS, padded)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in [*states, *estimates])
    finite = [float(value) for value in np.float32(values) if np.isfinite(value)]
    if finite:
        slack = 16 * EPSILON * max(map(abs, finite)) + 1e-37
        levels = np.asarray(states.robust_level, np.float64)[np.asarray(states.robust_seen) > 0]
        assert ((levels >= min(finite) - slack) & (levels <= max(finite) + slack)).all()


def test_a_spike_that_is_left_out_leaves_no_trace():
    values = streams.gaussian()[:200, 0].copy()
    statistic = robust_level()
    spoiled = np.insert(values, 100, np.float32(1e30))
    out = np.asarray(left_out(spoiled[:, None]))[:, 0]
    assert np.flatnonzero(out).tolist() == [100]
    # One program for both: another one may round otherwise.
    update = jax.jit(statistic.update)
    unspoiled, levels = statistic.init(), []
    for value in values:
        unspoiled, estimate = update(unspoiled, value)
        levels.append(float(estimate.level))
    state = statistic.init()
    for step, value in enumerate(spoiled):
        new, estimate = update(state, value)
        if step == 100:
            assert float(estimate.excess) == np.float32(1e30)
            assert float(estimate.level) == levels[100]
        else:
            state = new
    assert float(state.robust_level) == float(unspoiled.robust_level)


def test_a_step_that_is_believed_is_reached():
    noise = np.float32(0.01) * streams.gaussian()[:300, 0]
    values = noise + np.float32(np.arange(300) >= 100)
    _, estimates = streams.states_and_estimates(robust_level, DEFAULTS, values)
    level, deviation, excess = (np.asarray(leaf) for leaf in estimates)
    assert excess[100] > 50 * deviation[100]
    # What is left of the step falls by a tenth with every value.
    np.testing.assert_allclose(1 - level[101:121], 0.9 ** np.arange(1, 21), atol=0.02)
    assert np.abs(level[150:] - 1).max() < 0.02
    assert deviation[250:].max() < 0.015


def test_false_alarms():
    assert np.asarray(left_out(streams.gaussian())).any(axis=0).mean() <= 1e-3
    assert np.asarray(left_out(streams.student())).mean() <= 4e-3


@pytest.mark.parametrize("name", ["decay", "deviation_decay"])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan, "a", None, True])
def test_wrong_arguments(name, wrong):
    with pytest.raises(ValueError, match=rf"^{name} must be .*{name}="):
        robust_level(**{name: wrong})
