"""Agreement with implementations and formulas of others, where they say the same."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from optax_aware import schedules

STEPS = np.arange(130)


def check(ours, theirs) -> None:
    """Compare with a function of one step; float32 formulas cancel, hence the absolute part."""
    expected = np.array([float(theirs(int(step))) for step in STEPS])
    np.testing.assert_allclose(ours(STEPS), expected, rtol=1e-5, atol=1e-6 * expected.max())


OPTAX = {
    "constant": (schedules.constant(0.3), optax.constant_schedule(0.3)),
    "linear": (schedules.linear(0.5, 0.01, 100), optax.linear_schedule(0.5, 0.01, 100)),
    "polynomial": (
        schedules.polynomial(0.5, 0.01, 100, 2.5),
        optax.polynomial_schedule(0.5, 0.01, 2.5, 100),
    ),
    "polynomial, delayed": (
        schedules.delay(schedules.polynomial(0.5, 0.01, 80, 2.0), 20),
        optax.polynomial_schedule(0.5, 0.01, 2.0, 80, transition_begin=20),
    ),
    "exponential": (
        schedules.exponential(0.5, 0.3, 20, end_value=0.01),
        optax.exponential_decay(0.5, 20, 0.3, end_value=0.01),
    ),
    "exponential, staircase": (
        schedules.exponential(0.5, 0.3, 20, staircase=True),
        optax.exponential_decay(0.5, 20, 0.3, staircase=True),
    ),
    "cosine": (
        schedules.cosine(0.5, 100, end_value=0.05),
        optax.cosine_decay_schedule(0.5, 100, alpha=0.1),
    ),
    "warmup": (
        schedules.warmup(schedules.cosine(0.5, 90, 0.01), 10, 0.1),
        optax.warmup_cosine_decay_schedule(0.1, 0.5, 10, 100, 0.01),
    ),
    "warmup to a constant": (
        schedules.warmup(schedules.constant(0.5), 10),
        optax.warmup_constant_schedule(0.0, 0.5, 10),
    ),
    "cosine restarts, doubling": (
        schedules.cosine_restarts(0.5, 10, period_factor=2.0, peak_factor=0.5),
        optax.join_schedules(
            [optax.cosine_decay_schedule(0.5 * 0.5**n, 10 * 2**n) for n in range(4)],
            [10, 30, 70],
        ),
    ),
    "warm restarts, each with a warmup": (
        schedules.join(
            [schedules.warmup(schedules.cosine(0.5 - 0.1 * n, 30), 10) for n in range(4)],
            [40, 80, 120],
        ),
        optax.sgdr_schedule(
            [
                {"init_value": 0.0, "peak_value": 0.5 - 0.1 * n, "warmup_steps": 10}
                | {"decay_steps": 40}
                for n in range(4)
            ]
        ),
    ),
    "one cycle, cosine": (
        schedules.one_cycle(0.5, 100),
        optax.cosine_onecycle_schedule(100, 0.5),
    ),
    "one cycle, linear, three phases": (
        schedules.one_cycle(0.5, 100, shape="linear", three_phase=True),
        optax.linear_onecycle_schedule(100, 0.5, pct_start=0.3, pct_final=0.6),
    ),
    "piecewise constant": (
        schedules.piecewise_constant([0.5, 0.05, 0.1], [30, 60]),
        optax.piecewise_constant_schedule(0.5, {30: 0.1, 60: 2.0}),
    ),
    "multi step": (
        schedules.multi_step(0.5, [30, 60], 0.1),
        optax.piecewise_constant_schedule(0.5, {30: 0.1, 60: 0.1}),
    ),
    "join": (
        schedules.join([schedules.linear(0.0, 0.5, 20), schedules.cosine(0.5, 50)], [20]),
        optax.join_schedules(
            [optax.linear_schedule(0.0, 0.5, 20), optax.cosine_decay_schedule(0.5, 50)], [20]
        ),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_optax(name):
    ours, theirs = OPTAX[name]
    check(ours, jax.jit(lambda step: jnp.asarray(theirs(step))))


def test_combinators_carry_the_schedules_of_optax():
    theirs = optax.cosine_decay_schedule(0.5, 50)
    check(schedules.delay(theirs, 10), lambda step: theirs(max(step - 10, 0)))
    check(schedules.scale(theirs, 0.1), lambda step: 0.1 * theirs(step))
    check(schedules.clip(theirs, 0.1, 0.4), lambda step: min(max(float(theirs(step)), 0.1), 0.4))
    check(schedules.per_epoch(theirs, 7), lambda step: theirs(step // 7))
    check(schedules.warmup(optax.constant_schedule(0.5), 10), lambda step: min(step / 20, 0.5))


def test_square_root_scheduler_of_d2l():
    check(schedules.inverse_power(0.1), lambda step: 0.1 * (step + 1.0) ** -0.5)


def test_root_of_the_epoch_and_of_the_minibatch():
    by_minibatch = schedules.inverse_power(0.3)
    check(by_minibatch, lambda step: 0.3 / math.sqrt(step + 1))
    check(schedules.per_epoch(by_minibatch, 7), lambda step: 0.3 / math.sqrt(step // 7 + 1))


def test_power_scheduling():
    check(schedules.inverse_power(0.1, 1.0, 20), lambda step: 0.1 / (1 + step / 20))
    check(schedules.inverse_power(0.1, 0.75, 20), lambda step: 0.1 / (1 + step / 20) ** 0.75)


def test_a_tenth_every_so_often_and_a_power_of_the_epoch():
    check(schedules.exponential(0.5, 0.1, 40), lambda step: 0.5 * 0.1 ** (step / 40))
    check(schedules.exponential(0.5, 0.1, 40, True), lambda step: 0.5 * 0.1 ** (step // 40))
    by_epoch = schedules.exponential(0.1, 0.99)
    check(schedules.per_epoch(by_epoch, 7), lambda step: 0.1 * 0.99 ** (step // 7))


def test_factor_scheduler_of_d2l_is_one_step_ahead():
    # It multiplies before its first use: its rate at step t is ours at t + 1.
    class FactorScheduler:
        base = 0.5

        def __call__(self, step):
            self.base = max(0.01, self.base * 0.9)
            return self.base

    theirs = FactorScheduler()
    ahead = [theirs(step) for step in STEPS]
    ours = schedules.exponential(0.5, 0.9, end_value=0.01)
    np.testing.assert_allclose(ours(STEPS + 1), ahead, rtol=1e-6)


def test_multi_factor_scheduler_of_d2l():
    def theirs(epoch):
        return 0.5 * 0.5 ** ((epoch >= 15) + (epoch >= 30))

    check(schedules.multi_step(0.5, [15, 30], 0.5), theirs)


@pytest.mark.parametrize("warmup_epochs", [0, 5])
def test_cosine_scheduler_of_d2l(warmup_epochs):
    def theirs(epoch):
        if epoch < warmup_epochs:
            return 0.3 * epoch / warmup_epochs
        if epoch > 20:
            return 0.01
        part = (epoch - warmup_epochs) / (20 - warmup_epochs)
        return 0.01 + (0.3 - 0.01) * (1 + math.cos(math.pi * part)) / 2

    check(schedules.warmup(schedules.cosine(0.3, 20 - warmup_epochs, 0.01), warmup_epochs), theirs)


def test_noam_of_the_transformer():
    def theirs(step):
        number = step + 1  # the paper counts from one
        return 512**-0.5 * min(number**-0.5, number * 40**-1.5)

    check(schedules.noam(512, 40), theirs)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_of_pytorch(shape, three_phase):
    # Its phases end one step earlier: at part * total - 1 and, the last one, at total - 1.
    total, part, peak = 100, 0.3, 0.5
    first, last = peak / 25, peak / 25 / 1e4
    ends = [(part * total - 1, first, peak), (total - 1, peak, last)]
    if three_phase:
        ends = [ends[0], (2 * part * total - 2, peak, first), (total - 1, first, last)]

    def theirs(step):
        start = 0.0
        for end, low, high in ends:
            if step <= end or end == total - 1:
                done = min((step - start) / (end - start), 1.0)
                if shape == "cosine":
                    return high + (low - high) / 2 * (1 + math.cos(math.pi * done))
                return low + (high - low) * done
            start = end
        raise AssertionError

    fraction = (part * total - 1) / (total - 1)
    check(
        schedules.one_cycle(peak, total - 1, fraction, shape=shape, three_phase=three_phase),
        theirs,
    )


@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
def test_cyclic_of_pytorch(mode):
    amplitudes = {
        "triangular": lambda cycle, step: 1.0,
        "triangular2": lambda cycle, step: 1 / 2.0 ** (cycle - 1),
        "exp_range": lambda cycle, step: 0.98**step,
    }

    def theirs(step):
        size = 16.0
        cycle = math.floor(1 + step / size)
        x = 1.0 + step / size - cycle
        height = x / 0.5 if x <= 0.5 else (x - 1) / (0.5 - 1)
        return 0.1 + (0.5 - 0.1) * height * amplitudes[mode](cycle, step)

    check(schedules.triangular(0.1, 0.5, 8, mode, decay_rate=0.98), theirs)


def test_inverse_time_by_epoch_of_keras():
    def theirs(step):
        return 0.1 / (1 + 0.5 * (step // 10))

    check(schedules.inverse_time(0.1, 0.5, 10, staircase=True), theirs)


def test_minus_one_power_of_e_from_an_epoch_on():
    def theirs(epoch):
        return 0.1 if epoch < 10 else 0.1 * math.exp(-1)

    check(schedules.multi_step(0.1, [10], math.exp(-1)), theirs)
    check(schedules.join([schedules.constant(0.1), schedules.constant(0.1 / math.e)], [10]), theirs)


def test_exponential_from_an_epoch_on():
    def theirs(epoch):
        return 0.1 * math.exp(-0.1 * max(epoch - 10, 0))

    check(schedules.delay(schedules.exponential(0.1, math.exp(-0.1)), 10), theirs)


def test_stable_decay_of_one_minus_square_root():
    def theirs(step):
        if step < 10:
            return 0.4 * step / 10
        return 0.4 * (1 - math.sqrt(min(max(step - 70, 0) / 40, 1.0)))

    check(schedules.warmup_stable_decay(0.4, 10, 60, 40, shape="1-sqrt"), theirs)
