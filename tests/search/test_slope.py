"""How good the reading of a curve is, where the answer is known."""

import numpy as np
import pytest

from optax_aware.search._slope import CONFIDENCE, read_slope, smoothing_weights
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
    weights = smoothing_weights(50, REACH)
    np.testing.assert_allclose(weights @ np.full(50, 3.0), 3.0, rtol=1e-12)
    step = np.where(np.arange(49) < 24, 1.0, 0.0) + 0.5 * (np.arange(49) == 24)
    assert (smoothing_weights(49, REACH) @ step)[24] == pytest.approx(0.5)


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


def test_noise_alone_is_no_fall():
    generator = np.random.default_rng(2)
    normal = [read_slope(generator.normal(size=200), FIRST, REACH, SHARE) for _ in range(100)]
    heavy = [read_slope(generator.standard_t(3, 200), FIRST, REACH, SHARE) for _ in range(100)]
    assert sum(slope.falls for slope in (*normal, *heavy)) <= 1
    assert all(np.isnan(slope.at) for slope in normal if not slope.falls)


def test_rounding_is_no_fall():
    flat = np.float32(1e3) * (1.0 + 1e-7 * np.linspace(1.0, 0.0, 100))
    assert not read_slope(flat, 10, 2.0, SHARE).falls
    assert not read_slope(np.ones(1), 10, 2.0, SHARE).falls
