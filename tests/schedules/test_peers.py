"""Where schedules elsewhere go wrong, and these do not."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from optax_aware import schedules


def test_unsigned_steps_do_not_jump_to_the_end():
    # optax subtracts boundaries from unsigned steps, which wraps below zero.
    step = jnp.uint32(150)
    assert schedules.multi_step(1.0, [100])(step) == np.float32(0.1)
    assert schedules.piecewise_constant([1.0, 0.1], [100])(step) == np.float32(0.1)
    early = jnp.uint32(5)
    for inner in (
        schedules.linear(0.5, 0.0, 10),
        schedules.polynomial(0.5, 0.0, 10, 2.0),
        schedules.exponential(0.5, 0.1, 10),
    ):
        assert schedules.delay(inner, 100)(early) == 0.5
        assert schedules.join([schedules.constant(0.5), inner], [100])(early) == 0.5


def test_a_warmup_of_no_steps_starts_at_the_peak():
    for warmed_up in (
        schedules.warmup(schedules.constant(1.0), 0),
        schedules.warmup(schedules.constant(1.0), 0, shape="cosine"),
        schedules.warmup(schedules.constant(1.0), 0, shape="constant"),
        schedules.warmup_stable_decay(1.0, 0, 10, 10),
    ):
        np.testing.assert_array_equal(warmed_up(np.arange(5)), np.ones(5))


def test_a_decay_of_no_steps_is_at_its_end():
    for decayed in (
        schedules.linear(1.0, 0.25, 0),
        schedules.polynomial(1.0, 0.25, 0, 2.0),
        schedules.cosine(1.0, 0, 0.25),
        schedules.exponential(1.0, 0.5, 0, end_value=0.25),
    ):
        np.testing.assert_array_equal(decayed(np.arange(5)), np.full(5, 0.25))


def test_join_never_hands_out_a_negative_step():
    seen = []

    def root(step):
        seen.append(np.asarray(step).min())
        return jnp.sqrt(step.astype(jnp.float32))

    schedule = schedules.join([schedules.constant(0.5), root], [100])
    with jax.debug_nans(True):
        schedule(np.arange(200))
        schedule(jnp.arange(200, dtype=jnp.uint32))
        schedule(-3)
    assert min(seen) == 0


def test_join_has_no_nan_gradient_in_schedules_not_yet_begun():
    def rate(power, step):
        late = lambda own: (own / 50.0) ** power  # noqa: E731  (log of a negative is NaN)
        return schedules.join([schedules.constant(0.5), late], [100])(step)

    with jax.debug_nans(True):
        slopes = jax.vmap(jax.grad(rate), (None, 0))(jnp.float32(0.5), jnp.arange(99.0))
    np.testing.assert_array_equal(slopes, np.zeros(99))


@pytest.mark.parametrize(
    ("build", "sweep"),
    [
        (lambda peak: schedules.warmup(schedules.cosine(peak, 90), 10), [0.1, 0.5]),
        (lambda peak: schedules.cosine_restarts(peak, 10, 2.0), [0.1, 0.5]),
        (lambda steps: schedules.cosine(0.5, steps), [10, 50]),
        (lambda steps: schedules.warmup(schedules.cosine(0.5, 100), steps), [0, 10]),
        (lambda rate: schedules.exponential(0.5, rate, 10), [0.5, 0.9]),
    ],
    ids=["peak", "peak of restarts", "decay_steps", "warmup_steps", "decay_rate"],
)
def test_sweeps_by_vmap(build, sweep):
    # optax raises TracerBoolConversionError for each of these.
    steps = jnp.arange(120)
    swept = jax.jit(jax.vmap(lambda number: build(number)(steps)))(jnp.asarray(sweep))
    for found, number in zip(swept, sweep, strict=True):
        np.testing.assert_allclose(found, build(number)(steps), rtol=1e-6, atol=1e-8)


def test_whole_vectors_of_steps_for_a_picture():
    # optax's one-cycle raises, its constant and its interpolation give a wrong shape.
    steps = np.arange(100)
    for schedule in (
        schedules.constant(0.3),
        schedules.one_cycle(0.5, 100),
        schedules.one_cycle(0.5, 100, shape="linear", three_phase=True),
        schedules.piecewise_constant([0.1, 0.2], [50]),
    ):
        rates = schedule(steps)
        assert rates.shape == steps.shape
        np.testing.assert_array_equal(rates, [float(schedule(step)) for step in range(100)])
        break_up = schedule(steps.reshape(4, 25))
        np.testing.assert_array_equal(break_up, np.reshape(rates, (4, 25)))


@pytest.mark.parametrize("total_steps", [1, 2, 3])
@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_a_very_short_one_cycle_starts_low_and_ends_at_its_end(total_steps, shape, three_phase):
    # optax's starts at its peak for two or three steps.
    schedule = schedules.one_cycle(0.5, total_steps, shape=shape, three_phase=three_phase)
    rates = np.asarray(schedule(np.arange(total_steps + 3)))
    np.testing.assert_allclose(rates[0], 0.5 * 0.04, rtol=1e-6)
    np.testing.assert_allclose(rates[total_steps:], 0.5 * 4e-6, rtol=1e-6)
    assert np.all(rates <= 0.5)


def test_every_result_is_float32_without_weak_type():
    # optax returns Python floats, weak float32 or float32.
    for schedule in (
        schedules.constant(1),
        schedules.linear(1, 0, 10),
        schedules.join([lambda step: 1.0, lambda step: np.float64(2.0)], [5]),
        schedules.scale(lambda step: 1, 2),
    ):
        for step in (0, np.int64(7), jnp.int32(7)):
            rate = schedule(step)
            assert isinstance(rate, jax.Array)
            assert (rate.dtype, rate.weak_type, rate.shape) == (jnp.float32, False, ())


def test_integers_above_the_precision_of_float32_are_told_apart():
    boundary = 2**24 + 1  # float32 rounds it to 2**24
    for first, steps in ((boundary - 1, np.int32), (2**31 + 2**24 + 1, np.uint32)):
        schedule = schedules.piecewise_constant([0.1, 0.2], [first + 1])
        around = np.array([first - 1, first, first + 1, first + 2], steps)
        np.testing.assert_array_equal(schedule(around), np.array([0.1, 0.1, 0.2, 0.2], np.float32))
        late = schedules.delay(schedules.linear(4.0, 0.0, 4), first)
        np.testing.assert_array_equal(late(around), [4.0, 4.0, 3.0, 2.0])
    length = 2**30 + 1
    np.testing.assert_allclose(
        schedules.linear(1.0, 0.0, length)(np.array([length - 2, length - 1, length])),
        np.array([2 / length, 1 / length, 0.0]),
        rtol=1e-6,
    )


def test_restarts_are_at_their_steps_however_late():
    for period, factor in (("10", "2"), ("7", "3"), ("1001", "2"), ("10", "1.1"), ("6.5", "3")):
        schedule = schedules.cosine_restarts(1.0, float(period), float(factor))
        starts, start, length = [], Fraction(0), Fraction(period)
        # A length that is not a whole number has but the digits of a float32.
        while start < (10**4 if "." in factor else 10**8):
            starts.append(start)
            start, length = start + length, length * Fraction(factor)
        whole = [int(start) for start in starts if start.denominator == 1]
        assert len(whole) >= 3
        np.testing.assert_array_equal(schedule(np.array(whole)), np.ones(len(whole)))
        late = np.array([int(start) for start in starts if start > 50])
        assert np.all(np.asarray(schedule(late - 1)) < 0.1)
        assert np.all(np.asarray(schedule(late + 1)) > 0.9)
    endless = schedules.cosine_restarts(1.0, 1000)
    far = 3_000_000_000
    np.testing.assert_allclose(endless(far + np.array([0, 500])), [1.0, 0.5], rtol=1e-6)
    assert endless(far - 1) < 1e-5


@pytest.mark.parametrize("read", [float, jnp.float32])
@pytest.mark.parametrize("factor", ["1.1", "1.2", "1.3", "1.4", "1.6"])
def test_restarts_meant_for_a_whole_step_are_at_it(factor, read):
    # Cycles of 100 and 130 steps end at 230, though 1.3 is not a binary fraction.
    whole = np.array([0, 100, int(100 + 100 * Fraction(factor))])
    schedule = schedules.cosine_restarts(1.0, 100.0, read(factor))
    np.testing.assert_array_equal(schedule(whole), np.ones(3))


def test_a_very_large_period_factor_restarts_once():
    schedule = schedules.cosine_restarts(0.4, 10, 1e30, peak_factor=0.5)
    rates = schedule(np.array([9, 10, 1000, 3_000_000_000], np.uint32))
    assert rates[0] < 0.01
    np.testing.assert_allclose(rates[1:], 0.2, rtol=1e-6)


def test_small_differences_of_a_rate_are_kept_over_many_steps():
    # 0.9999 rounded to float32 would be wrong by 0.02 after a million steps.
    schedule = schedules.exponential(1.0, 0.9999)
    np.testing.assert_allclose(schedule(100_000), 0.9999**100_000, rtol=1e-6)


def test_follows_the_count_of_an_unsigned_optimizer():
    # nnx.Optimizer counts its steps in uint32.
    scheduled = optax.scale_by_schedule(schedules.multi_step(1.0, [2, 4], 0.5))
    state = scheduled.init(None)._replace(count=jnp.uint32(0))
    rates = []
    for _ in range(6):
        update, state = scheduled.update(jnp.float32(1.0), state)
        rates.append(float(update))
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_no_boundaries_leave_what_comes_first():
    for schedule in (
        schedules.join([schedules.constant(0.5)], []),
        schedules.multi_step(0.5, []),
        schedules.piecewise_constant([0.5], np.array([])),
    ):
        np.testing.assert_array_equal(schedule(np.arange(3)), np.full(3, 0.5))
