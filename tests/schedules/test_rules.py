"""What every schedule keeps, whatever its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from optax_aware import schedules
from tests.jax_settings import setting
from tests.schedules.table import CASES, ROUNDED_BOUNDARY, Numbers

FAR = 3_000_000_000
"""A step that int32 cannot hold and float32 can."""

FIRST_CASES = {case.public_name: case for case in reversed(CASES)}.values()
"""One case of each schedule, for what does not depend on its options."""

every_case = pytest.mark.parametrize("case", CASES, ids=[case.label for case in CASES])

one_case_each = pytest.mark.parametrize("case", FIRST_CASES, ids=lambda case: case.label)


def traced(numbers: Numbers) -> Numbers:
    """Return the numbers as float32 arrays, to be handed through jit."""
    return {name: jnp.asarray(number, jnp.float32) for name, number in numbers.items()}


def rounded(numbers: Numbers) -> Numbers:
    """Return the numbers as Python floats with the digits that float32 keeps."""
    return {name: np.asarray(number, np.float32).tolist() for name, number in numbers.items()}


def check_rates(case, rates, steps, numbers: Numbers | None = None, error: float = 0.0) -> None:
    """Compare with the reference, and check type and shape.

    Each rate is computed from parts that are accurate where they are small, so a relative
    error is enough, close to an end value of zero too.
    """
    assert rates.dtype == jnp.float32
    assert not rates.weak_type
    assert rates.shape == np.shape(steps)
    expected = case.expected(np.ravel(steps), numbers)
    allowed = max(error, case.error) * np.max(np.abs(expected)) + 1e-30
    np.testing.assert_allclose(np.ravel(rates), expected, rtol=1e-6, atol=allowed)


def test_every_public_schedule_is_in_the_table():
    assert {case.public_name for case in CASES} == set(schedules.__all__)


@every_case
def test_equals_the_reference_at_every_kind_of_step(case):
    schedule = case.build(**case.numbers)
    middle = case.last // 2
    whole = np.append(case.steps, [-1, -(2**31), 2**31 - 1, 10 * case.last]).reshape(4, 45)
    check_rates(case, schedule(whole), whole)
    check_rates(case, schedule(jnp.asarray(whole)), whole)
    between = (case.steps * 0.9375 + 0.375).astype(np.float32)
    given = between.copy()
    given[-4:], between[-4:] = [-0.5, -1e30, -np.inf, np.nan], 0
    check_rates(case, schedule(given), between)
    far = np.array([FAR, 0, 2**32 - 1, 2**31, middle, -5])
    check_rates(case, schedule(far), far)
    for kind in (int, float, np.int64, np.uint8, np.float64, jnp.uint32, jnp.int16, jnp.float32):
        check_rates(case, schedule(kind(middle)), middle)
    for kind in (int, float, np.int64, np.uint32, np.float32, jnp.uint32):
        check_rates(case, schedule(kind(FAR)), FAR)
    for step in (10**12, 10**30, 1e30, np.inf):
        assert np.isfinite(schedule(step))


@every_case
def test_float32_where_64_bits_are_enabled(case):
    with setting("jax_enable_x64", True):
        arrays = {name: np.asarray(number, float) for name, number in case.numbers.items()}
        schedule = case.build(**arrays)
        steps = jnp.append(jnp.asarray(case.steps), FAR)
        assert steps.dtype == jnp.int64
        check_rates(case, schedule(steps), steps)
        assert jax.eval_shape(schedule, jnp.float64(1)).dtype == jnp.float32


@one_case_each
def test_known_numbers_may_be_arrays(case):
    numbers = rounded(case.numbers)
    rates = case.build(**traced(numbers))(case.steps)
    check_rates(case, rates, case.steps, numbers, ROUNDED_BOUNDARY)


@every_case
def test_traced_numbers_under_jit_and_vmap(case):
    traces = []
    steps = np.append(case.steps, FAR).astype(np.uint32)

    @jax.jit
    @jax.vmap
    def sweep(numbers):
        traces.append(1)
        return case.build(**numbers)(jnp.asarray(steps))

    def scaled(by: float) -> Numbers:
        # A cycle may not be shorter than the last: this factor is made larger.
        return {
            name: np.asarray(number) * (2 - by if name == "period_factor" else by)
            for name, number in case.numbers.items()
        }

    variants = [rounded(scaled(by)) for by in (1.0, 0.9, 0.5)]
    stacked = {name: np.stack([each[name] for each in variants]) for name in case.numbers}
    rates = sweep(traced(stacked))
    # So far out the phase of a cycle is known only if its length is a whole number.
    check_rates(case, rates[0], steps, variants[0], ROUNDED_BOUNDARY)
    for numbers, found in zip(variants[1:], rates[1:], strict=True):
        check_rates(case, found[:-1], steps[:-1], numbers, ROUNDED_BOUNDARY)
    sweep(traced({name: number * 0.7 for name, number in stacked.items()}))
    assert len(traces) == 1, "a number that changes must not compile again"


@every_case
def test_a_known_phase_of_no_length_is_skipped(case):
    for name in case.lengths:
        numbers = {**case.numbers, name: 0}
        check_rates(case, case.build(**numbers)(case.steps), case.steps, numbers)


WITHOUT_TIME = {
    "the way up of one_cycle is all of it": ("one_cycle:linear", {"warmup_fraction": 1.0}),
    "the way to the end has no time": ("one_cycle:linear three phases", {"warmup_fraction": 0.5}),
    "a schedule between equal boundaries": ("join", {"boundaries": (30, 30)}),
    "the first schedule": ("join", {"boundaries": (0, 30)}),
    "a level between equal boundaries": ("piecewise_constant", {"boundaries": (35, 35)}),
}


@pytest.mark.parametrize("name", WITHOUT_TIME)
def test_what_has_no_time_between_two_boundaries_is_skipped(name):
    label, changed = WITHOUT_TIME[name]
    (case,) = (case for case in CASES if case.label == label)
    numbers = {**case.numbers, **changed}
    check_rates(case, case.build(**numbers)(case.steps), case.steps, numbers)


def slopes(case, step: float, name: str, index: int) -> tuple[float, float]:
    """Return the slopes of the reference below and above one number."""
    base = rounded(case.numbers)
    width = 1e-5 * max(abs(float(np.ravel(base[name])[index])), 1e-3)

    def at(shift: float) -> float:
        moved = np.array(base[name], float)
        moved.flat[index] += shift
        return case.reference(step, **{**base, name: moved.tolist()})

    return (at(0) - at(-width)) / width, (at(width) - at(0)) / width


@every_case
def test_gradients_are_finite_and_right_and_lengths_may_be_zero(case):
    steps = np.append(case.steps, FAR)

    @jax.jit
    def rates_and_gradients(numbers):
        def rate(each, step):
            return case.build(**each)(step)

        per_step = jax.vmap(jax.value_and_grad(rate), in_axes=(None, 0))
        return per_step(numbers, jnp.asarray(steps, jnp.uint32))

    with setting("jax_debug_nans", True):
        _, gradients = rates_and_gradients(traced(case.numbers))
        for name in (*case.lengths, *case.traced_lengths):
            numbers = {**case.numbers, name: 0.0}
            found, slope = rates_and_gradients(traced(numbers))
            check_rates(case, found, steps, rounded(numbers), ROUNDED_BOUNDARY)
            assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope)), name
        for name, number in case.numbers.items():
            for limit in (0.0, 1.0, -1.0, 1e9):
                numbers = {**case.numbers, name: np.full(np.shape(number), limit)}
                for leaf in jax.tree.leaves(rates_and_gradients(traced(numbers))):
                    assert np.all(np.isfinite(leaf)), (name, limit)

    compared = 0
    for name, gradient in gradients.items():
        assert np.all(np.isfinite(gradient)), name
        for position in range(1, case.last, 5):
            for index, slope in enumerate(np.ravel(gradient[position])):
                below, above = slopes(case, float(steps[position]), name, index)
                # Where both sides differ a boundary passes through the step.
                if abs(above - below) < 1e-3 * (abs(above) + abs(below)) + 1e-9:
                    expected = (below + above) / 2
                    np.testing.assert_allclose(slope, expected, rtol=3e-3, atol=1e-7)
                    compared += 1
    assert compared >= len(range(1, case.last, 5)) // 2


@one_case_each
def test_is_the_rate_of_an_optax_optimizer_in_a_scan(case):
    optimizer = optax.sgd(case.build(**case.numbers))

    def update(state, _):
        updates, state = optimizer.update(jnp.float32(1.0), state)
        return state, -updates

    _, rates = jax.lax.scan(update, optimizer.init(jnp.float32(0.0)), length=5)
    check_rates(case, rates, np.arange(5))


@one_case_each
def test_slope_in_time_is_finite(case):
    schedule = case.build(**case.numbers)
    steps = jnp.append(jnp.arange(-1.0, 60.0, 0.5), jnp.float32(FAR))
    with setting("jax_debug_nans", True):
        assert np.all(np.isfinite(jax.vmap(jax.grad(schedule))(steps)))
