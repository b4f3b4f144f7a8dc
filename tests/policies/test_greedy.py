"""What `greedy` promises beyond its reference."""

import numpy as np
import pytest

import optax_aware as oa
from tests.policies import replays

SHARP = {"factor": 0.5, "patience": 0, "window": 4, "min_scale": 0.25, "max_scale": 4.0}


def greedy(curve, **options):
    return replays.replay("greedy", curve, **options)


def test_published_defaults():
    """Raises after 11 good steps, 11 more for each raise; lowers likewise."""
    falling = 0.98 ** np.arange(100)
    decisions = greedy(np.concatenate([falling, np.full(400, falling[-1])]))
    expected = (1 / 0.95) ** ((np.arange(100) + 1) // 11)
    np.testing.assert_allclose(decisions.scale[:100], expected, rtol=1e-5)
    assert decisions.scale[-1] < 0.5
    assert oa.CONDITIONS[int(decisions.condition[50])] == "descending"
    assert oa.CONDITIONS[int(decisions.condition[-1])] == "flat"
    assert np.isfinite(decisions.evidence.progress).all()


def test_climbs_to_its_ceiling_and_sinks_to_its_floor():
    assert greedy(0.9 ** np.arange(20), **SHARP).scale[-1] == 4.0
    assert greedy(1.1 ** np.arange(20), **SHARP).scale[-1] == 0.25


def test_starts_again_after_enough_hits_of_the_floor():
    scales = greedy(np.ones(14), reset=3, **SHARP).scale
    once = [2.0, 1.0, 0.5, 0.25, 0.25, 1.0]  # the third hit of the floor starts it again
    np.testing.assert_array_equal(scales, [*once, *once, 2.0, 1.0])


def test_a_raise_forgives_the_hits_of_the_floor():
    options = SHARP | {"window": 1, "min_scale": 0.5}
    scales = greedy([1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0], reset=3, **options).scale
    np.testing.assert_array_equal(scales, [2.0, 1.0, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0])


def test_holds_after_a_change_only_count_down():
    curve = np.concatenate([0.5 ** np.arange(8), np.full(8, 9.0)])
    decisions = greedy(curve, warmup=3, **SHARP)
    np.testing.assert_array_equal(decisions.scale[:10], [2, 2, 2, 2, 4, 4, 4, 4, 2, 1])
    assert [int(c) for c in decisions.condition[:5]] == [3, 0, 0, 0, 3]
    decisions = greedy(np.ones(8), cooldown=2, **SHARP)
    np.testing.assert_array_equal(decisions.scale, [2, 1, 1, 1, 0.5, 0.5, 0.5, 0.25])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_relative_tolerance_is_right_for_both_signs(sign):
    grows_by_one_percent = sign * (1.0 - sign * 0.01) ** np.arange(100)
    assert greedy(grows_by_one_percent, rtol=0.005, **SHARP).scale[-1] == 4.0
    assert greedy(grows_by_one_percent, rtol=0.02, **SHARP).scale[-1] == 0.25
