"""How good the reading of a curve is, where the answer is known."""

import tracemalloc

import numpy as np
import pytest

from optax_aware.search._slope import CONFIDENCE, Smoother, noise_variances, read_slope
from tests.references import searches

PLACES = np.arange(200.0)
FIRST, REACH, SHARE = 20, 4.0, 0.85
CURVES = {
    "smooth": 2.0 - 1.5 / (1.0 + np.exp(-(PLACES - 120.0) / 8.0)),
    "straight": 2.0 - 1.5 * np.clip((PLACES - 90.0) / 60.0, 0.0, 1.0),
    "steep": 2.0 - 1.5 / (1.0 + np.exp(-(PLACES - 120.0) / 3.0)),
}


def climbing(curve):
    return np.minimum(curve + (np.maximum(PLACES - 165.0, 0.0) / 8.0) ** 2, 2.2)


def test_smoothing_and_places_are_those_of_the_reference():
    losses = climbing(CURVES["smooth"]) + np.random.default_rng(0).normal(0.0, 0.2, 200)
    slope = read_slope(losses, FIRST, REACH, SHARE)
    curve = searches.smoothed(losses.tolist(), REACH)
    np.testing.assert_allclose(slope.smoothed, curve, rtol=1e-12)
    level = losses[:FIRST].mean()
    for share, place in ((0.1, slope.first), (SHARE, slope.at), (0.98, slope.settled)):
        assert place == pytest.approx(searches.crossing(curve, level, share), abs=1e-9)
    assert slope.last == int(np.argmin(curve))


def test_a_constant_stays_and_nothing_lags():
    np.testing.assert_allclose(Smoother(50, REACH)(np.full(50, 3.0)), 3.0, rtol=1e-12)
    step = np.where(np.arange(49) < 24, 1.0, 0.0) + 0.5 * (np.arange(49) == 24)
    assert Smoother(49, REACH)(step)[24] == pytest.approx(0.5)


@pytest.mark.parametrize("reach", [0.4, REACH, 1e9])
def test_two_sweeps_are_the_weighted_means(reach):
    curves = np.random.default_rng(3).normal(1.0, 1.0, (2, 60))
    smooth = Smoother(60, reach)
    for curve, means in zip(curves, smooth(curves), strict=True):
        np.testing.assert_allclose(means, searches.smoothed(curve.tolist(), reach), rtol=1e-11)
    for place in (0, 17, 59):
        weights = smooth.weights(place)
        assert weights @ curves[0] == pytest.approx(smooth(curves[0])[place], rel=1e-11)
        assert weights[place] == smooth.own_weights[place]


def test_noise_is_the_distance_from_the_line_of_the_neighbours():
    generator = np.random.default_rng(4)
    steep = np.linspace(0.0, -1e3, 4000) + generator.normal(0.0, 0.1, 4000)
    variances = noise_variances(steep)
    assert variances.min() == pytest.approx(0.01, rel=0.1)
    assert variances.min() < variances.mean() < 0.03
    assert np.isinf(noise_variances(np.ones(2))).all()


@pytest.mark.parametrize("length", [20, 40, 200])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_fall_that_grows_to_the_end_is_a_fall(length, noise):
    rates = np.geomspace(1e-6, 10.0, length)
    losses = -np.cumsum(rates) + np.random.default_rng(5).normal(0.0, noise, length)
    slope = read_slope(losses, length // 10, 0.02 * length, SHARE)
    assert slope.falls
    assert slope.last == length - 1


def test_a_long_curve_needs_little_memory():
    losses = 1.0 - np.linspace(0.0, 1.0, 8000)
    tracemalloc.start()
    assert read_slope(losses, 800, 160.0, SHARE).falls
    assert tracemalloc.get_traced_memory()[1] < 60e6  # a matrix of weights alone has 512 MB
    tracemalloc.stop()


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("noise", [0.03, 0.3])
def test_the_interval_covers_the_truth_as_often_as_it_says(name, noise):
    curve = climbing(CURVES[name])
    truth = searches.crossing(curve.tolist(), curve[:FIRST].mean(), SHARE)
    generator = np.random.default_rng(1)
    found = [
        read_slope(curve + generator.normal(0.0, noise, 200), FIRST, REACH, SHARE)
        for _ in range(25)
    ]
    assert all(slope.falls for slope in found)
    covered = np.mean([slope.low <= truth <= slope.high for slope in found])
    assert covered >= CONFIDENCE - 2.0 * np.sqrt(CONFIDENCE * (1.0 - CONFIDENCE) / 25)
    widths = [slope.high - slope.low for slope in found]
    assert np.median(widths) < 30.0
    assert np.median(np.abs([slope.at - truth for slope in found])) < 5.0


@pytest.mark.parametrize(("length", "reach"), [(20, 0.4), (40, 0.8), (200, REACH)])
def test_noise_alone_is_no_fall(length, reach):
    generator = np.random.default_rng(2)
    draws = (
        lambda: generator.normal(size=length),
        lambda: generator.standard_t(3, length),
        lambda: generator.exponential(size=length),
        lambda: -generator.exponential(size=length),
    )
    found = [read_slope(draw(), length // 10, reach, SHARE) for draw in draws for _ in range(100)]
    assert sum(slope.falls for slope in found) <= 2
    assert all(np.isnan(slope.at) for slope in found if not slope.falls)


def test_rounding_is_no_fall():
    flat = np.float32(1e3) * (1.0 + 1e-7 * np.linspace(1.0, 0.0, 100))
    assert not read_slope(flat, 10, 2.0, SHARE).falls
    assert not read_slope(np.ones(1), 10, 2.0, SHARE).falls
