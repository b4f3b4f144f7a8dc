"""Properties that hold for any numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optax_aware import schedules

rates = st.floats(0.0, 1e3, width=32)
lengths = st.one_of(st.integers(0, 10_000), st.floats(0.0, 1e4, width=32))
fractions = st.floats(0.0, 0.5, width=32)
steps = st.one_of(
    st.integers(0, 20_000), st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2**24 + 1, 2**31])
)

# Three rates, three lengths, a fraction: enough for every schedule between given rates.
BETWEEN = {
    "linear": lambda a, b, c, k, m, n, f: schedules.linear(a, b, k),
    "polynomial": lambda a, b, c, k, m, n, f: schedules.polynomial(a, b, k, 4 * f),
    "cosine": lambda a, b, c, k, m, n, f: schedules.cosine(a, k, b),
    "cosine_restarts": lambda a, b, c, k, m, n, f: schedules.cosine_restarts(a, k, 1 + f, 2 * f, b),
    "triangular": lambda a, b, c, k, m, n, f: schedules.triangular(a, b, k, "triangular2"),
    "exponential": lambda a, b, c, k, m, n, f: schedules.exponential(a, 2 * f, k, end_value=b),
    "inverse_time": lambda a, b, c, k, m, n, f: schedules.inverse_time(a, f, k, end_value=b),
    "inverse_power": lambda a, b, c, k, m, n, f: schedules.inverse_power(a, f, k, b),
    "one_cycle": lambda a, b, c, k, m, n, f: schedules.one_cycle(1.0, k, f, a, b, three_phase=True),
    "warmup_stable_decay": lambda a, b, c, k, m, n, f: schedules.warmup_stable_decay(
        a, k, m, n, b, c, "1-sqrt"
    ),
    "warmup": lambda a, b, c, k, m, n, f: schedules.warmup(schedules.linear(a, b, k), m, c),
    "join": lambda a, b, c, k, m, n, f: schedules.join(
        [schedules.linear(a, b, k), schedules.cosine(b, m, c)], jnp.stack([n])
    ),
    "per_epoch": lambda a, b, c, k, m, n, f: schedules.per_epoch(schedules.linear(a, b, k), m),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_stays_between_its_rates(name):
    compiled = jax.jit(lambda numbers, step: BETWEEN[name](*numbers)(step))

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.tuples(rates, rates, rates), st.tuples(lengths, lengths, lengths), fractions, steps)
    def bounded(values, phases, fraction, step):
        numbers = jnp.asarray([*values, *phases, fraction], jnp.float32)
        rate = float(compiled(tuple(numbers), jnp.uint32(step)))
        bounds = [*values, 1.0] if name == "one_cycle" else list(values)
        assert min(bounds) * (1 - 1e-6) <= rate <= max(bounds) * (1 + 1e-6)

    bounded()


def put_behind(inner, start):
    return (
        schedules.warmup(inner, start),
        schedules.delay(inner, start),
        schedules.join([schedules.constant(1.0), inner], start[None]),
    )


@jax.jit
def rates_after(start, step):
    smooth = schedules.inverse_power(0.5, timescale=1000)
    later = jnp.stack([schedule(start + step) for schedule in put_behind(smooth, start)])
    drop = schedules.multi_step(1.0, step[None], 0.5)
    around = start + step + jnp.array([-1, 0, 1])
    dropped = jnp.stack([schedule(around) for schedule in put_behind(drop, start)])
    return smooth(step), later, dropped


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 2**30 - 1), st.integers(1, 2**30 - 1))
def test_what_comes_before_does_not_change_a_schedule(start, step):
    # Bit for bit, and to the step: the steps are subtracted as integers.
    expected, later, dropped = rates_after(jnp.int32(start), jnp.int32(step))
    np.testing.assert_array_equal(later, jnp.full(3, expected))
    np.testing.assert_array_equal(dropped, np.tile([1.0, 0.5, 0.5], (3, 1)))


@jax.jit
def rates_of_cycles(period, step):
    return jnp.stack(
        [
            schedules.cosine_restarts(0.5, period)(step),
            schedules.cosine_restarts(0.5, period.astype(jnp.float32))(step),
            schedules.triangular(0.1, 0.5, period)(step),
            schedules.triangular(0.1, 0.5, period.astype(jnp.float32))(step),
        ]
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 1000), st.integers(0, 2**32 - 1))
def test_cycles_of_equal_length_repeat_exactly(period, step):
    first = rates_of_cycles(jnp.int32(period), jnp.uint32(step % (2 * period)))
    late = rates_of_cycles(jnp.int32(period), jnp.uint32(step))
    np.testing.assert_array_equal(late, first)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_moves_smoothly_and_one_way(shape):
    down = schedules.linear(0.5, 0.01, 97) if shape == "linear" else schedules.cosine(0.5, 97, 0.01)
    steepest = 0.49 / 97 * (1 if shape == "linear" else np.pi / 2)
    fine = np.linspace(0, 110, 2201, dtype=np.float32)
    change = np.diff(np.asarray(down(fine), float))
    assert np.all(change <= 1e-7)
    assert np.all(change >= -steepest * 0.05 * 1.001 - 1e-7)
