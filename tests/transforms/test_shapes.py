"""A schedule is a shape: the rate that `aware` finds is the one at its peak."""

import functools

import numpy as np
import pytest

from optax_aware import Condition
from tests.transforms.noisy_bowls import bowl, courses

STEPS, WARMUP = 1200, 1000
INNERS = ("adam", "sgd")
TIME = np.arange(STEPS)

SHAPES = {
    "none": bowl(steps=STEPS),
    "warmup": bowl(steps=STEPS, shape=np.minimum((TIME + 1.0) / WARMUP, 1.0)),
    "high": bowl(steps=STEPS, shape=1024.0),
    "cosine": bowl(steps=STEPS, shape=0.5 + 0.5 * np.cos(np.pi * TIME / STEPS)),
    "cooldown": bowl(steps=STEPS, total_steps=STEPS),
}
found = functools.cache(lambda: courses(SHAPES, shaped=True, inners=INNERS))

every_inner = pytest.mark.parametrize("inner", INNERS)


@every_inner
def test_a_warmup_ends_at_the_rate_found_without_it(inner):
    plain, warm = (found()[inner, name] for name in ("none", "warmup"))
    assert 0.5 < warm.rate[-1] / plain.rate[-1] < 2.0


@every_inner
def test_the_height_of_a_schedule_is_no_part_of_its_shape(inner):
    plain, high = (found()[inner, name] for name in ("none", "high"))
    np.testing.assert_array_equal(high.rate, plain.rate)


@every_inner
@pytest.mark.parametrize("name", ["cosine", "cooldown"])
def test_nothing_is_raised_against_a_shape_that_falls(inner, name):
    course = found()[inner, name]
    searching = (course.condition == Condition.LISTENING) | (course.condition == Condition.RAMPING)
    # The last value of the ramp still counts among it, and is answered by the rate that is held.
    held = np.flatnonzero(searching)[-1] < TIME
    falling = course.condition == Condition.COOLING if name == "cooldown" else held
    scale = course.scale[falling]
    assert len(scale) > STEPS // 10
    assert (np.diff(scale) <= 1e-6 * scale[:-1]).all()
    assert scale[-1] > 0.0
