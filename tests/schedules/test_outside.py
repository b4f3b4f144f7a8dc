"""What is no number, or outside of its range: in an argument, and in what a schedule returns."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optax_aware import schedules
from tests.schedules.table import CASES, ROUNDED_BOUNDARY

LARGEST = float(np.finfo(np.float32).max)

FAR = 3_000_000_000
"""A step that int32 cannot hold."""

STEPS = np.array([0, 1, 7, 1000, 2**31 - 1, FAR], np.uint32)

# 0 is outside of some ranges, and 1e38 is inside of most, where it may make a rate overflow.
OUTSIDE = (-1.0, -np.inf, np.nan, np.inf, 1e38, 0.0)

# By label and name: what is read where it is not anything from 0 on.
RANGES = {
    ("cosine_restarts", "period_factor"): (1.0, LARGEST),
    ("cosine_restarts", "peak_factor"): (0.0, 1.0),
    ("triangular", "decay_rate"): (0.0, 1.0),
    ("one_cycle", "warmup_fraction"): (0.0, 1.0),
    ("one_cycle:cosine three phases", "warmup_fraction"): (0.0, 0.5),
    ("one_cycle:linear three phases", "warmup_fraction"): (0.0, 0.5),
    ("per_epoch", "steps_per_epoch"): (1.0, LARGEST),
    ("clip", "min_value"): (-LARGEST, LARGEST),
    ("clip", "max_value"): (-LARGEST, LARGEST),
    ("scale", "factor"): (-LARGEST, LARGEST),
}


def nearest(case, name: str, value: float) -> float:
    """Return the allowed number that is nearest; NaN is near to the lower bound, or else to 0."""
    anything = RANGES.get((case.public_name, name), (0.0, LARGEST))
    low, high = RANGES.get((case.label, name), anything)
    inside = float(np.clip(np.float32(max(low, 0.0) if np.isnan(value) else value), low, high))
    # Its docstring: no width is no model.
    return 1.0 if name == "model_dim" and inside == 0 else inside


def replaced(case, name: str, value: float) -> dict[str, np.ndarray]:
    """Return the numbers of a case as float32, with another value in all elements of one."""
    numbers = {each: np.asarray(number, np.float32) for each, number in case.numbers.items()}
    return {**numbers, name: np.full_like(numbers[name], value)}


def known_rates(case, name: str, value: float) -> np.ndarray:
    """Return the rates for a known number; by the reference, where it is allowed only traced."""
    numbers = {each: number.tolist() for each, number in replaced(case, name, value).items()}
    if name in case.traced_lengths and value == 0:
        return case.expected(STEPS, numbers)
    if case.public_name == "clip":
        numbers["min_value"] = min(numbers.values())  # the ceiling wins
    return np.asarray(case.build(**numbers)(STEPS), float)


@pytest.mark.parametrize("case", CASES, ids=[case.label for case in CASES])
def test_a_traced_number_outside_of_its_range_is_the_nearest_inside(case):
    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    @partial(jax.vmap, in_axes=(None, 0))
    def rates_and_gradients(numbers, step):
        return jax.value_and_grad(lambda each: case.build(**each)(step))(numbers)

    given = [(name, value) for name in case.numbers for value in OUTSIDE]
    stacked = jax.tree.map(lambda *each: jnp.stack(each), *(replaced(case, *one) for one in given))
    rates, gradients = rates_and_gradients(stacked, jnp.asarray(STEPS))
    assert (rates.dtype, rates.weak_type) == (jnp.float32, False)
    known = {}
    for index, (name, value) in enumerate(given):
        found = np.asarray(rates[index], float)
        assert np.all(np.isfinite(found)), (name, value, found)
        if case.public_name not in ("clip", "scale"):
            assert np.all(found >= 0), (name, value, found)
        inside = nearest(case, name, value)
        for other, gradient in gradients.items():
            # A number next to the largest makes the slopes in the others infinite.
            if other == name or inside < 1e30:
                assert not np.any(np.isnan(gradient[index])), (name, value, other)
        if (name, inside) not in known:
            known[name, inside] = known_rates(case, name, inside)
        expected = known[name, inside]
        allowed = ROUNDED_BOUNDARY * np.max(np.abs(expected))
        np.testing.assert_allclose(
            found, expected, rtol=1e-6, atol=allowed, err_msg=f"{name}={value}"
        )


@pytest.mark.parametrize("returned", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_in_another_schedule_stays_visible(returned):
    def broken(step):
        return jnp.full(jnp.shape(step), returned)

    around = {
        "warmup": schedules.warmup(broken, 10),
        "join": schedules.join([schedules.constant(0.1), broken], [3]),
        "per_epoch": schedules.per_epoch(broken, 2),
        "delay": schedules.delay(broken, 2),
        "scale": schedules.scale(broken, 0.5),
        "clip": schedules.clip(broken, -0.1, 0.1),
    }
    for name, schedule in around.items():
        for step in (5, 50):
            expected = np.clip(returned, -0.1, 0.1) if name == "clip" else returned
            np.testing.assert_array_equal(schedule(step), np.float32(expected), name)


def test_a_product_that_overflows_is_finite():
    assert schedules.scale(schedules.constant(10.0), -1e38)(0) == -LARGEST
    assert schedules.exponential(1e38, 2.0)(100) == LARGEST
    assert schedules.constant(1e39)(0) == LARGEST
