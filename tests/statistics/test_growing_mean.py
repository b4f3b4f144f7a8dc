"""growing_mean against all weights written out, and on noise of known kinds."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optax_aware.statistics import growing_mean
from tests.references.statistics import growing_mean as reference
from tests.statistics import streams
from tests.statistics.streams import CURVES, EPSILON, LARGEST

DEFAULTS = {"fraction": 0.15, "minimum": 10.0}


@jax.jit
def over_runs(values):
    statistic = growing_mean()
    return streams.over_runs(statistic.update, statistic.init, values)


@functools.cache
def noise(name):
    makers = {
        "gaussian": streams.gaussian,
        "student": streams.student,
        "autocorrelated": lambda: streams.autoregressive(0.5),
        "strongly": lambda: streams.autoregressive(0.9),
    }
    return jax.tree.map(np.asarray, over_runs(makers[name]()))


@pytest.mark.parametrize(
    "options",
    [
        DEFAULTS,
        {"fraction": 0.0, "minimum": 5.0},
        {"fraction": 1.0, "minimum": 1.0},
        {"fraction": 0.5, "minimum": 2.5},
    ],
    ids=["default", "fixed", "everything", "short"],
)
@pytest.mark.parametrize("name", CURVES)
def test_against_reference(name, options):
    values = CURVES[name]
    states, estimates = streams.states_and_estimates(growing_mean, options, values)
    assert streams.holds_still(states, estimates, values)
    finite = values[np.isfinite(values)].astype(np.float64)
    expected = reference(finite, **options)
    mean, error, score = streams.at_finite(estimates, values).T
    spread = np.array([np.ptp(finite[: n + 1]) for n in range(len(finite))])
    # One rounding of the mean itself, a few of what has moved it.
    assert (np.abs(mean - expected[:, 0]) <= EPSILON * (np.abs(mean) + 16 * spread)).all()
    expected[1:, 1] = np.minimum(expected[1:, 1], LARGEST)
    # The standard error has a square root at the limit of what two moments can explain.
    np.testing.assert_allclose(error, expected[:, 1], rtol=4e-3)
    slack = 5e-3 * np.abs(expected[:, 2]) + 32 * EPSILON * spread / np.maximum(error, 1e-300)
    assert (np.abs(score - expected[:, 2]) <= slack).all()


def test_constant_stream_is_certain():
    for value, score in ((0.1, 1e6), (-3.0, -1e6), (0.0, 0.0)):
        values = np.full(5, value, np.float32)
        _, estimates = streams.states_and_estimates(growing_mean, DEFAULTS, values)
        assert np.asarray(estimates.mean).tolist() == values.tolist()
        assert np.asarray(estimates.standard_error).tolist() == [np.inf, 0.0, 0.0, 0.0, 0.0]
        assert np.asarray(estimates.score).tolist() == [0.0, score, score, score, score]


def test_before_the_first_value_nothing_is_known():
    _, estimates = streams.states_and_estimates(growing_mean, DEFAULTS, np.float32([np.nan]))
    assert [float(leaf[0]) for leaf in estimates] == [0.0, np.inf, 0.0]


def test_a_long_window_still_moves_its_mean():
    # One value moves the mean by 5e-6 at the end; float32 at 1000 steps by 6e-5.
    values = np.float32(1000 + np.random.default_rng(3).uniform(-1, 1, size=200_000))
    values[100_000:] += np.float32(0.5)
    options = {"fraction": 1.0, "minimum": 1.0}
    _, estimates = streams.states_and_estimates(growing_mean, options, values)
    mean = values.astype(np.float64).mean()
    assert abs(float(estimates.mean[-1]) - mean) <= EPSILON * mean


@settings(max_examples=100, deadline=None, derandomize=True)
@example(values=[LARGEST, -LARGEST] * 10)
@example(values=[1e-45, 0.0, 1e-38, 1e-45])
@example(values=[1e30] + [0.0] * 39)
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_any_stream_leaves_a_finite_state(values):
    padded = np.full(streams.LENGTH, np.nan, np.float32)
    padded[: len(values)] = values
    states, estimates = streams.states_and_estimates(growing_mean, DEFAULTS, padded)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in states)
    assert np.isfinite(np.asarray(estimates.mean)).all()
    assert (np.abs(np.asarray(estimates.score)) <= 1e6).all()
    assert (np.asarray(estimates.standard_error) >= 0).all()


@pytest.mark.parametrize(
    ("name", "share"),
    [("gaussian", 1e-4), ("student", 1e-4), ("autocorrelated", 5e-4), ("strongly", 4e-3)],
)
def test_false_alarms(name, share):
    beyond = np.abs(noise(name).score) > 4
    assert beyond[20:].mean() <= share
    # It is not deaf either: 2.7e-3 of a known Gaussian lie beyond 3.
    assert 1e-3 <= (np.abs(noise(name).score[500:]) > 3).mean() <= 8e-3


@pytest.mark.parametrize(
    ("name", "correlation", "low", "high"),
    [
        ("gaussian", 0.0, 0.99, 1.09),
        ("student", 0.0, 0.8, 1.09),
        ("autocorrelated", 0.5, 0.96, 1.04),
        ("strongly", 0.9, 0.75, 1.4),
    ],
)
def test_standard_error_is_the_spread_of_means_over_runs(name, correlation, low, high):
    estimates = noise(name)
    for step in (20, 50, 100, 200, 500, 999):
        ratio = np.median(estimates.standard_error[step]) / estimates.mean[step].std()
        assert low <= ratio <= high, step
        # What independence would have promised is too small by this factor.
        naive = np.sqrt((1 - correlation) / (1 + correlation))
        assert ratio > 1.7 * naive or correlation == 0.0
    assert 0.96 <= ratio <= 1.04


def test_shift_is_found():
    values = streams.gaussian().copy()
    values[200:] += np.float32(0.5)
    found = np.asarray(over_runs(values).score)[200:] > 4
    assert found.any(axis=0).all()
    delay = found.argmax(axis=0) + 1
    assert np.median(delay) <= 80
    assert np.quantile(delay, 0.99) <= 200


@pytest.mark.parametrize(
    "options",
    [{"fraction": wrong} for wrong in (-0.1, 1.1, np.nan, "a", None, True)]
    + [{"minimum": wrong} for wrong in (0.5, np.inf, "a", None, True)],
)
def test_wrong_arguments(options):
    (name,) = options
    with pytest.raises(ValueError, match=rf"^{name} must be .*{name}="):
        growing_mean(**options)
