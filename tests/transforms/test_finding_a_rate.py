"""`aware` without a learning rate, in noisy bowls."""

import functools

import numpy as np
import pytest

import optax_aware as oa
from optax_aware import Condition
from optax_aware.policies._rate_search import GUESS_FACTOR
from tests.transforms.noisy_bowls import INNERS, STEPS, bowl, courses

TWO = 2.0**10
NOTHING = np.zeros(STEPS)
NOW_AND_THEN = np.arange(STEPS) % 40 == 39


def _at(step, number, otherwise=1.0):
    return np.where(np.arange(STEPS) == step, number, otherwise)


def _moved(by, since=STEPS // 2):
    return bowl().targets + by * (np.arange(STEPS) >= since)[:, None]


TIME = np.arange(STEPS)
NEAR_MINIMUM = np.std(0.5 * bowl().targets ** 2 @ bowl().curvature)
"""The standard deviation of the loss where the parameters have arrived."""

NEAR = {"start": 0.3 * bowl().start}
"""So little progress that an offset may be more than all of it."""

# One of eight deviations is a jump of the data, after which everything starts again.
OFFSETS = {
    f"offset of {size} deviations, {name}": bowl(
        value_offset=size * NEAR_MINIMUM * course, **(NEAR if size < 8 else {})
    )
    for size in (0.5, 1, 2, 4, 8)
    for name, course in {
        "step": (TIME >= STEPS // 2).astype(float),
        "ramp": np.clip((TIME - STEPS // 2) / 120, 0.0, 1.0),
    }.items()
}
BURST = TIME % 100 >= 97
BURSTS = {
    "bursts of nan": bowl(value_offset=np.where(BURST, np.nan, 0.0)),
    "bursts of spikes": bowl(
        value_factor=np.where(BURST, 100.0, 1.0), gradient_factor=np.where(BURST, 100.0, 1.0)
    ),
}
FAR = 1e6
# An offset is added to values on a grid, so that no digit of them is lost.
CASES = {
    "plain": bowl(),
    "known end": bowl(total_steps=STEPS),
    **{f"guess {power}": bowl(guess=10.0**power) for power in (-6, -3, 0, 3, 6)},
    "loss times 1024": bowl(loss_scale=TWO),
    "loss over 1024": bowl(loss_scale=1 / TWO),
    "negative losses": bowl(value_offset=-64.0),
    "units times 1024": bowl(unit=TWO),
    "units over 1024": bowl(unit=1 / TWO),
    "nan for ever": bowl(value_offset=NOTHING * np.nan),
    "nan now and then": bowl(value_offset=np.where(NOW_AND_THEN, np.nan, 0.0)),
    "infinite gradients now and then": bowl(gradient_factor=np.where(NOW_AND_THEN, np.inf, 1.0)),
    "spike": bowl(value_factor=_at(300, 100.0), gradient_factor=_at(300, 100.0)),
    "moved": bowl(targets=_moved(5.0), total_steps=STEPS),
    "no gradients": bowl(gradient_factor=0.0),
    "no loss": bowl(curvature=np.zeros(8)),
    "a loss that stands still": bowl(value_factor=0.0, value_offset=1.0),
    "too long a first step": bowl(start=bowl().start + FAR, targets=bowl().targets + FAR),
    "overflowing": bowl(loss_scale=1e20),
    "underflowing": bowl(loss_scale=1e-25),
    "near": bowl(**NEAR),
    **OFFSETS,
    **BURSTS,
}

GRID = {str(rate): bowl(guess=rate, total_steps=STEPS) for rate in np.geomspace(1e-4, 10.0, 26)}
"""Rates to hold, for comparison: there a guess is the rate itself."""

found = functools.cache(lambda: courses(CASES))
tuned = functools.cache(lambda: courses(GRID, oa.policies.constant()))


def run(inner):
    return {name: found()[inner, name] for name in CASES}


every_inner = pytest.mark.parametrize("inner", sorted(INNERS))


def assert_same_decisions(course, plain):
    for name in ("condition", "rewound", "skipped"):
        np.testing.assert_array_equal(getattr(course, name), getattr(plain, name))


@every_inner
def test_finds_a_rate_as_good_as_a_tuned_one(inner):
    """Within a factor of 3 of the best rate of a fine grid with the same cooldown."""
    best = min(tuned()[inner, name].averaged_loss[-1] for name in GRID)
    ours = run(inner)["known end"]
    start = ours.loss[0]
    assert ours.averaged_loss[-1] < max(3.0 * best, 1e-3 * start)
    assert ours.rewound[-1] <= 2
    assert ours.condition[-1] == Condition.COOLING
    # ... and without a known end the average is as good.
    assert run(inner)["plain"].averaged_loss[-1] < max(3.0 * best, 1e-3 * start)


@every_inner
def test_every_rate_is_finite_and_so_are_the_parameters(inner):
    for name, course in run(inner).items():
        assert np.isfinite(course.rate).all(), name
        assert (course.rate >= 0.0).all(), name
        assert np.isfinite(course.params).all(), name


@every_inner
def test_a_guess_is_no_more_than_a_guess(inner):
    plain = run(inner)["plain"]
    for power in (-6, -3, 0, 3, 6):
        course = run(inner)[f"guess {power}"]
        first, plain_first = (c.rate[np.argmax(c.rate > 0)] for c in (course, plain))
        assert plain_first <= course.rate.max()
        assert plain_first * 0.999 <= first <= GUESS_FACTOR * plain_first * 2.0
        assert 1 / 3 < course.rate[STEPS // 2] / plain.rate[STEPS // 2] < 3.0
    low = run(inner)["guess -6"]
    np.testing.assert_array_equal(low.rate, plain.rate)


@every_inner
def test_the_scale_of_the_loss_changes_no_decision(inner):
    # eps is no part of the rules of momentum and SGD; Lion's and the sign's updates have none.
    rate_factor = {"sgd": 1 / TWO, "momentum": 1 / TWO}.get(inner, 1.0)
    plain = run(inner)["plain"]
    for name, factor in (("loss times 1024", rate_factor), ("loss over 1024", 1 / rate_factor)):
        course = run(inner)[name]
        assert_same_decisions(course, plain)
        np.testing.assert_array_equal(course.params, plain.params)
        np.testing.assert_array_equal(course.rate, np.float32(factor) * plain.rate)


@every_inner
def test_the_units_of_the_parameters_change_no_decision(inner):
    rate_factor = {"sgd": TWO**-2, "momentum": TWO**-2}.get(inner, 1 / TWO)
    plain = run(inner)["plain"]
    for name, factor, unit in (
        ("units times 1024", rate_factor, TWO),
        ("units over 1024", 1 / rate_factor, 1 / TWO),
    ):
        course = run(inner)[name]
        assert_same_decisions(course, plain)
        np.testing.assert_array_equal(course.params * unit, plain.params)
        np.testing.assert_array_equal(course.rate, np.float32(factor) * plain.rate)


@every_inner
def test_an_offset_of_the_loss_changes_no_decision(inner):
    plain, course = run(inner)["plain"], run(inner)["negative losses"]
    # The values are rounded where the offset is added, by 4e-6: only σ at the start feels it.
    np.testing.assert_array_equal(course.condition, plain.condition)
    np.testing.assert_allclose(course.rate, plain.rate, rtol=1e-3)


@every_inner
def test_batches_that_are_all_broken_never_end_the_run(inner):
    course = run(inner)["nan for ever"]
    assert set(course.condition.tolist()) == {Condition.NONFINITE}
    np.testing.assert_array_equal(course.params, course.params[:1].repeat(STEPS, 0))


@every_inner
@pytest.mark.parametrize("name", ["nan now and then", "infinite gradients now and then"])
def test_broken_batches_now_and_then_do_no_harm(inner, name):
    plain, course = run(inner)["plain"], run(inner)[name]
    np.testing.assert_array_equal(course.condition == Condition.NONFINITE, NOW_AND_THEN)
    assert course.rewound[-1] == plain.rewound[-1]
    assert 0.5 < course.rate[-1] / plain.rate[-1] < 2.0


@every_inner
def test_a_spike_is_skipped_and_leaves_no_trace(inner):
    plain, course = run(inner)["plain"], run(inner)["spike"]
    assert course.condition[300] == Condition.SPIKE
    assert course.skipped[-1] == plain.skipped[-1] + 1
    np.testing.assert_array_equal(course.params[301], course.params[300])
    assert course.rewound[-1] == plain.rewound[-1]
    assert 0.9 < course.rate[-1] / plain.rate[-1] < 1.1


@every_inner
@pytest.mark.parametrize("name", [*OFFSETS, *BURSTS])
def test_what_the_data_do_to_the_loss_is_not_blamed_on_the_rate(inner, name):
    near = name in OFFSETS and "8 deviations" not in name
    plain, course = run(inner)["near" if near else "plain"], run(inner)[name]
    since = slice(STEPS // 2, None)
    ratio = course.rate[since] / plain.rate[since]
    assert ratio.min() > 0.25, ratio.min()
    assert ratio.max() < 4.0, ratio.max()
    # Near the minimum four deviations count as a rise, which costs a way back; the rest nothing.
    rises = near and "4 deviations" in name
    assert course.rewound[-1] <= plain.rewound[-1] + (1 if near else 3)
    lost = 0.03 if rises else 0.01
    assert course.averaged_loss[-1] < max(lost * course.loss[0], 3.0 * plain.averaged_loss[-1])


THREE = (TIME >= 200) & (TIME < 203)
NO_WAY_BACK = {
    "noiseless": bowl(noise=0.0),
    "three spikes": bowl(
        value_factor=np.where(THREE, 100.0, 1.0), gradient_factor=np.where(THREE, 100.0, 1.0)
    ),
}
one_way = functools.cache(lambda: courses(NO_WAY_BACK, rewind=False))


@every_inner
def test_without_a_way_back_nothing_is_risked(inner):
    course = one_way()[inner, "noiseless"]
    assert course.loss[-1] < course.loss[0]
    if inner == "sgd":  # momentum has room beyond it; the others have no limit
        limit = 2.0 / bowl().curvature.max()
        assert course.rate[-1] < limit
        beyond = (course.rate > limit).astype(int)
        assert beyond.sum() < STEPS // 10


@every_inner
def test_without_a_way_back_spikes_in_a_row_move_nothing(inner):
    course = one_way()[inner, "three spikes"]
    np.testing.assert_array_equal(course.params[201:204], course.params[200:201].repeat(3, 0))
    assert (course.rate[200:] > 0.0).all()
    assert course.averaged_loss[-1] < 0.01 * course.loss[0]


@every_inner
def test_a_start_that_explodes_is_undone(inner):
    course = run(inner)["too long a first step"]
    assert course.averaged_loss[-1] < 0.1 * course.loss[0]


@every_inner
def test_a_minimum_that_moves_is_followed(inner):
    course = run(inner)["moved"]
    assert Condition.DRIFTED in course.condition
    jump = course.loss[STEPS // 2 - 1]
    assert course.averaged_loss[-1] < 0.05 * jump


@every_inner
def test_without_gradients_it_listens_for_ever(inner):
    for name in ("no gradients", "no loss"):
        course = run(inner)[name]
        assert set(course.condition.tolist()) == {Condition.LISTENING}
        np.testing.assert_array_equal(course.rate, 0.0)


@pytest.mark.parametrize(("inner", "name"), [("sgd", "overflowing"), ("sgd", "underflowing")])
def test_what_float32_cannot_measure_is_not_taken_for_a_rate(inner, name):
    np.testing.assert_array_equal(run(inner)[name].rate, 0.0)


@every_inner
def test_a_loss_that_stands_still_lets_the_gradients_decide(inner):
    course = run(inner)["a loss that stands still"]
    assert course.averaged_loss[-1] < 0.05 * course.loss[0]
