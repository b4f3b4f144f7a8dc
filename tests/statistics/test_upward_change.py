"""upward_change against plain Python, and its run lengths on noise of known means."""

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optax_aware.statistics import upward_change
from tests.references.statistics import upward_change as reference
from tests.statistics import streams
from tests.statistics.streams import CURVES, LARGEST

DEFAULTS = {"threshold": 2.5, "allowance": 0.1, "decay": 0.9}


@jax.jit
def over_runs(threshold, values):
    statistic = upward_change(threshold)
    return streams.over_runs(statistic.update, statistic.init, values)


def run_lengths(values, threshold=2.5):
    """The number of values up to the first alarm; infinite where there is none."""
    alarms = np.asarray(over_runs(threshold, values).alarm)
    return np.where(alarms.any(axis=0), alarms.argmax(axis=0) + 1.0, np.inf)


@pytest.mark.parametrize(
    "options",
    [
        DEFAULTS,
        {"threshold": 0.5, "allowance": 0.05, "decay": 0.3},
        {"threshold": 10.0, "allowance": 0.3, "decay": 0.99},
    ],
    ids=["default", "fast", "slow"],
)
@pytest.mark.parametrize("name", CURVES)
def test_against_reference(name, options):
    values = CURVES[name]
    states, estimates = streams.states_and_estimates(upward_change, options, values)
    assert streams.holds_still(states, estimates, values)
    expected = reference(values[np.isfinite(values)], **options)
    score, age, alarm = streams.at_finite(estimates, values).T
    np.testing.assert_allclose(score, expected[:, 0], atol=1e-4, rtol=1e-5)
    np.testing.assert_array_equal(age, expected[:, 1])
    np.testing.assert_array_equal(alarm, expected[:, 2])


@pytest.mark.parametrize("size", [1e-33, 1e-20, 1.0, 1e20, 1e38])
def test_size_does_not_matter(size):
    shape = np.clip(CURVES["normal"], -3, 3)
    _, plain = streams.states_and_estimates(upward_change, DEFAULTS, shape)
    _, scaled = streams.states_and_estimates(upward_change, DEFAULTS, np.float32(size * shape))
    np.testing.assert_allclose(scaled.score, plain.score, atol=2e-5, rtol=1e-5)


@settings(max_examples=100, deadline=None, derandomize=True)
@example(values=[LARGEST, -LARGEST] * 10)
@example(values=[1e-45, 1e-38, 0.0, LARGEST])
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_any_stream_leaves_a_finite_state(values):
    padded = np.full(streams.LENGTH, np.nan, np.float32)
    padded[: len(values)] = values
    states, estimates = streams.states_and_estimates(upward_change, DEFAULTS, padded)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in states)
    scores = np.asarray(estimates.score)
    assert (scores >= 0).all()
    # No value counts for more than one over the root of its own weight; the first for one.
    assert (np.diff(scores, prepend=0.0) <= 1 / np.sqrt(0.1)).all()
    np.testing.assert_array_equal(np.asarray(estimates.steps_since_zero) == 0, scores == 0)


def test_false_alarms():
    noise = streams.gaussian()
    lengths = run_lengths(noise - 1)
    assert 0.10 <= np.isfinite(lengths).mean() <= 0.12
    assert np.isfinite(run_lengths(noise - 1, threshold=5.0)).mean() <= 2e-3
    assert 85 <= np.median(run_lengths(noise - np.float32(0.5))) <= 90
    heavy = np.isfinite(run_lengths(streams.student() - 1)).mean()
    assert 0.65 <= heavy <= 0.67


def test_a_mean_of_zero_alarms_in_the_end():
    lengths = run_lengths(streams.gaussian())
    assert np.isfinite(lengths).all()
    assert np.median(lengths) == 10


def test_the_sign_change_of_a_ramp_is_found_and_dated():
    length, change = 160, 100
    ramp = 1.15 ** (np.arange(length) - change) - 1
    noise = streams.gaussian()[:length]
    estimates = over_runs(2.5, np.float32(ramp[:, None] + 0.3 * noise))
    alarms, age = np.asarray(estimates.alarm), np.asarray(estimates.steps_since_zero)
    assert not alarms[: change - 5].any()
    first = alarms.argmax(axis=0)
    assert alarms.any(axis=0).all()
    assert np.median(first - change) == 4
    assert np.quantile(np.abs(first - change - 4), 0.9) <= 1
    dated = first - age[first, np.arange(streams.RUNS)] + 1
    assert np.median(np.abs(dated - change)) <= 1
    assert np.quantile(np.abs(dated - change), 0.9) <= 3


def test_the_first_value_after_which_the_sum_stays_above_zero_is_dated():
    values = np.float32([-1.0] * 20 + [1.0] * 4)
    _, estimates = streams.states_and_estimates(upward_change, DEFAULTS, values)
    assert np.asarray(estimates.steps_since_zero)[-5:].tolist() == [0, 1, 2, 3, 4]
    assert np.asarray(estimates.alarm)[-5:].tolist() == [False, False, False, True, True]


@pytest.mark.parametrize(
    "options",
    [{"threshold": wrong} for wrong in (-1.0, np.inf, "a", None, True)]
    + [{"allowance": wrong} for wrong in (-0.1, np.nan, "a", None, True)]
    + [{"decay": wrong} for wrong in (-0.1, 1.0, np.nan, "a", None, True)],
)
def test_wrong_arguments(options):
    (name,) = options
    with pytest.raises(ValueError, match=rf"^{name} must be .*{name}="):
        upward_change(**options)
