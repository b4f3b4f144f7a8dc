"""The statistics against NumPy in float64, hard streams included."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optax_aware import statistics

LARGEST = float(np.finfo(np.float32).max)
STEPS = 240
TINY = float(np.finfo(np.float32).tiny)
EPSILON = float(np.finfo(np.float32).eps)


def pure(make):
    @functools.partial(jax.jit, static_argnames="window")
    def fixed(window, values):
        statistic = make(window)
        return jax.lax.scan(statistic.update, statistic.init(), values)

    return fixed


rolling_mean = pure(statistics.rolling_mean)


@jax.jit
def block_mean(window, values):
    statistic = statistics.block_mean(window)
    return jax.lax.scan(statistic.update, statistic.init(), values)


@jax.jit
def block_log_ratio(window, values):
    statistic = statistics.block_log_ratio(window)
    return jax.lax.scan(statistic.update, statistic.init(), values)


def padded(values):
    values = np.asarray(values, np.float32)
    return np.concatenate([values, np.full(STEPS - len(values), np.nan, np.float32)])


def curves():
    random = np.random.default_rng(0)
    normal = random.normal(size=STEPS)
    yield "normal", normal
    yield "offset", 1e6 + 1e-2 * normal
    yield "tiny", 1e-30 * normal
    yield "huge", 0.9 * LARGEST * np.sign(normal)
    yield "drift", np.exp(-np.arange(STEPS) / 20) + 1e-4 * normal
    yield "constant", np.full(STEPS, 0.1)
    yield "spike", np.where(np.arange(STEPS) == 100, 1e30, normal)
    yield "spoiled", np.where(random.uniform(size=STEPS) < 0.3, np.nan, normal)
    yield "infinite", np.where(random.uniform(size=STEPS) < 0.3, -np.inf, normal)


CURVES = {name: np.float32(values) for name, values in curves()}
every_curve = pytest.mark.parametrize("name", CURVES)


@every_curve
@pytest.mark.parametrize("window", [1, 2, 7, 100])
def test_block_mean(name, window):
    values = CURVES[name]
    estimates = block_mean(window, values)[1]
    finite = values[np.isfinite(values)].astype(np.float64)
    blocks = finite[: len(finite) // window * window].reshape(-1, window)
    complete = np.asarray(estimates.complete)
    assert complete.sum() == len(blocks)
    assert np.isnan(np.asarray(estimates.mean)[~complete]).all()

    # The rounding of a mean is that of its size, and of the spread within its block.
    means = np.asarray(estimates.mean)[complete].astype(np.float64)
    spread = np.ptp(blocks, axis=1)
    tolerance = EPSILON * (np.abs(blocks.mean(axis=1)) + 4 * spread)
    assert (np.abs(means - blocks.mean(axis=1)) <= tolerance).all()

    errors = np.asarray(estimates.standard_error)[complete].astype(np.float64)
    if window == 1:
        assert np.isinf(errors).all()
    elif name not in ("huge", "tiny", "spike"):
        expected = blocks.std(axis=1, ddof=1) / np.sqrt(window)
        np.testing.assert_allclose(errors, expected, rtol=2e-3, atol=1e-12)
    else:
        assert not np.isnan(errors).any()


def test_block_completes_at_every_window_th_finite_value():
    values = [1.0, np.nan, 3.0, np.inf, -np.inf, 5.0, 7.0, 9.0]
    estimates = block_mean(2, padded(values))[1]
    assert np.flatnonzero(estimates.complete).tolist() == [2, 6]
    np.testing.assert_array_equal(np.asarray(estimates.mean)[[2, 6]], [2.0, 6.0])


def test_block_survives_a_window_that_shrinks_below_what_it_holds():
    long, short = statistics.block_mean(10), statistics.block_mean(2)
    state = long.init()
    for value in (1.0, 2.0, 3.0):
        state, _ = long.update(state, value)
    state, estimate = short.update(state, 6.0)
    assert bool(estimate.complete)
    assert estimate.mean == 3.0
    assert state.block_seen == 0


@every_curve
@pytest.mark.parametrize("window", [1, 7, 64])
def test_rolling_mean(name, window):
    values = CURVES[name]
    estimates = rolling_mean(window, values)[1]
    for step in range(STEPS):
        finite = values[: step + 1][np.isfinite(values[: step + 1])].astype(np.float64)[-window:]
        mean = np.asarray(estimates.mean)[step]
        assert bool(estimates.full[step]) == (len(finite) == window)
        if not len(finite):
            assert np.isinf(mean)
            continue
        tolerance = EPSILON * (abs(finite.mean()) + 4 * np.ptp(finite))
        assert abs(float(mean) - finite.mean()) <= tolerance


def test_rolling_mean_forgets_what_has_left_the_ring():
    """A running sum would keep the rounding error of the spike for ever."""
    means = np.asarray(rolling_mean(7, CURVES["spike"])[1].mean)
    without = np.asarray(rolling_mean(7, CURVES["normal"])[1].mean)
    np.testing.assert_array_equal(means[107:], without[107:])


@pytest.mark.parametrize("window", [1, 3])
def test_block_log_ratio(window):
    values = np.exp(np.random.default_rng(1).normal(size=STEPS) * 20).astype(np.float32)
    values[30:36] = -1.0
    estimates = block_log_ratio(window, values)[1]
    means = values[: STEPS // window * window].astype(np.float64).reshape(-1, window).mean(axis=1)
    compared, defined = np.asarray(estimates.compared), np.asarray(estimates.defined)
    assert compared.sum() == len(means) - 1
    positive = (means[1:] > 0) & (means[:-1] > 0)
    np.testing.assert_array_equal(defined[compared], positive)
    expected = np.log(means[1:][positive] / means[:-1][positive])
    np.testing.assert_allclose(np.asarray(estimates.log_ratio)[defined], expected, atol=1e-5)
    assert np.isnan(np.asarray(estimates.log_ratio)[~defined]).all()


def test_block_log_ratio_spans_the_whole_range_of_float32():
    estimates = block_log_ratio(1, padded([TINY, LARGEST, TINY, 0.0, 1.0, 0.5 * TINY]))[1]
    expected = np.log(LARGEST) - np.log(TINY)
    np.testing.assert_allclose(estimates.log_ratio[1:3], [expected, -expected], rtol=1e-6)
    assert np.asarray(estimates.defined)[:6].tolist() == [False, True, True, False, False, False]


@settings(max_examples=100, deadline=None, derandomize=True)
@example(values=[LARGEST, -LARGEST, LARGEST])
@example(values=[-LARGEST] + [LARGEST] * 8)
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_any_stream_gives_means_within_the_range_of_its_values(values):
    finite = [float(value) for value in np.float32(values) if np.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    # Values are scaled down by up to 16 on the way, where the smallest may be flushed to zero.
    slack = 4 * EPSILON * max(abs(low), abs(high)) + 16 * TINY
    for estimates in (block_mean(3, padded(values))[1], rolling_mean(7, padded(values))[1]):
        means = np.asarray(estimates.mean, np.float64)[: len(values)]
        begun = np.cumsum(np.isfinite(np.float32(values))) > 0
        known = means[~np.isnan(means) & begun]
        assert ((known >= low - slack) & (known <= high + slack)).all()
    known = np.asarray(block_log_ratio(3, padded(values))[1].log_ratio)
    assert not np.isinf(known).any()


@pytest.mark.parametrize("make", [statistics.block_mean, statistics.block_log_ratio])
def test_window_may_be_traced(make):
    values = CURVES["spoiled"]

    def final(window):
        statistic = make(window)
        return jax.lax.scan(statistic.update, statistic.init(), values)[0]

    together = jax.vmap(final)(jnp.array([1, 5]))
    for row, window in enumerate((1, 5)):
        alone = final(window)
        jax.tree.map(
            lambda a, b, row=row: np.testing.assert_array_equal(a[row], b), together, alone
        )


MAKERS = {name: getattr(statistics, name) for name in statistics.__all__ if name.islower()}
WINDOWED = [name for name in MAKERS if "window" in inspect.signature(MAKERS[name]).parameters]


@pytest.mark.parametrize("name", MAKERS)
def test_state_keeps_its_form(name):
    statistic = MAKERS[name](3) if name in WINDOWED else MAKERS[name]()
    state = statistic.init()
    updated, _ = jax.eval_shape(statistic.update, state, jnp.float32(1.0))
    before, after = jax.tree.leaves(state), jax.tree.leaves(updated)
    assert [(leaf.shape, leaf.dtype) for leaf in before] == [(n.shape, n.dtype) for n in after]
    assert not any(leaf.weak_type for leaf in before + after)
    assert jax.tree.structure(state) == jax.tree.structure(updated)


@pytest.mark.parametrize("window", [0, -1, 1.5, "a", None, True])
@pytest.mark.parametrize("name", WINDOWED)
def test_wrong_window(name, window):
    with pytest.raises(ValueError, match=r"^window must be .*window="):
        MAKERS[name](window)
