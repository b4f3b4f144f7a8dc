import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references import searches
from tests.search.bowl import batches, loss_fn, numpy_gradient, numpy_loss, start

IDENTITY = optax.identity()


def range_of(data=None, inner=IDENTITY, loss=loss_fn, **options):
    data = batches() if data is None else data
    return oa.search.range_test(loss, start(), data, inner, **options)


@pytest.mark.parametrize("noise", [0.0, 0.3, 3.0])
def test_losses_and_the_end_are_those_of_the_reference(noise):
    data = batches(noise=noise)
    result = range_of(data)
    rates = np.geomspace(1e-6, 10.0, 200)
    expected = searches.rising_run(
        numpy_loss, numpy_gradient, np.array([3.0, -2.0]), data, rates, 20, 4.0, 2.0
    )
    assert len(result.losses) == len(expected)
    np.testing.assert_allclose(result.rates, rates[: len(expected)], rtol=1e-5)
    np.testing.assert_allclose(result.losses, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_the_suggestion_is_where_the_reference_finds_it(share):
    """At 0.5 it is the middle of the slope."""
    result = range_of(descent_share=share)
    top = result.losses[:20].max()
    kept = np.minimum(result.losses[: np.flatnonzero(result.losses <= top)[-1] + 1], top)
    curve = searches.smoothed(kept.tolist(), 4.0)
    place = searches.crossing(curve, np.mean(kept[:20]), share)
    expected = np.exp(np.interp(place, np.arange(200), np.log(np.geomspace(1e-6, 10.0, 200))))
    assert result.suggestion == pytest.approx(expected, rel=1e-3)
    assert result.flat is not None
    assert result.falling is not None
    assert result.erratic is not None
    assert result.flat[0] == pytest.approx(1e-6)
    assert result.flat[1] == result.falling[0] < result.suggestion < result.falling[1]
    assert result.falling[1] == result.erratic[0] < result.erratic[1] == result.rates[-1]
    low, high = result.interval
    assert low < result.suggestion < high
    assert result.remarks == ()
    assert "suggestion" in str(result)
    assert repr(result) == str(result)


def test_it_stops_soon_after_the_loss_diverges_and_takes_no_more_batches():
    taken = []

    def reading():
        for number, batch in enumerate(batches(1000)):
            taken.append(number)
            yield batch

    result = range_of(reading(), max_rate=1e3)
    assert result.stopped == "diverged"
    assert result.rates[-1] < 10.0  # the bowl is unstable from 2 on
    assert len(result.rates) <= len(taken) <= len(result.rates) + 15
    again = range_of(batches(1000), max_rate=1e3)
    np.testing.assert_array_equal(result.losses, again.losses)
    assert result.suggestion == again.suggestion


def test_batches_may_be_arrays_lists_loaders_and_iterators():
    data = batches(50)

    class Loader:
        def __iter__(self):
            return iter(data)

    expected = range_of(data).losses
    for form in (list(data), Loader(), jnp.asarray(data), iter([*data, *data, *data, *data])):
        np.testing.assert_array_equal(range_of(form).losses, expected)
    named = range_of({"x": data}, loss=lambda params, batch: loss_fn(params, batch["x"]))
    np.testing.assert_array_equal(named.losses, expected)


def test_the_parameters_of_the_caller_are_untouched_and_nothing_is_compiled_twice():
    params = {"w": jnp.ones(2), "half": jnp.ones(3, jnp.bfloat16)}
    before = jax.tree.map(np.array, params)
    traces = []

    def loss(params, batch):
        traces.append(1)
        return loss_fn(params["w"], batch) + jnp.sum(params["half"].astype(jnp.float32) ** 2)

    first = oa.search.range_test(loss, params, batches(), IDENTITY)
    seen = len(traces)
    second = oa.search.range_test(loss, params, batches(), IDENTITY, max_rate=5.0)
    assert len(traces) == seen
    assert first.rates[-1] != second.rates[-1]
    jax.tree.map(np.testing.assert_array_equal, params, before)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(params))


def test_any_direction_and_a_complete_optimizer_go_downhill():
    for inner in (optax.scale_by_adam(), optax.trace(0.9), optax.scale_by_sign(), optax.sgd(0.1)):
        result = range_of(inner=inner)
        assert result.suggestion is not None, inner
    direction, complete = range_of(), range_of(inner=optax.sgd(1.0))
    assert complete.suggestion == pytest.approx(direction.suggestion, rel=1e-3)


def test_a_factor_on_the_loss_and_a_constant_change_nothing():
    plain = range_of()
    scaled = range_of(
        loss=lambda params, batch: 64.0 * loss_fn(params, batch),
        min_rate=1e-6 / 64.0,
        max_rate=10.0 / 64.0,
    )
    assert 64.0 * scaled.suggestion == pytest.approx(plain.suggestion, rel=1e-3)
    negative = range_of(loss=lambda params, batch: loss_fn(params, batch) - 4.0)
    assert negative.losses.min() < 0.0
    assert negative.suggestion == pytest.approx(plain.suggestion, rel=1e-2)


def test_a_range_in_which_nothing_falls():
    for loss, extra in (
        (lambda params, batch: jnp.sum(0.0 * params) + batch[0], "raise max_rate"),
        (lambda params, batch: jnp.sum(0.0 * params) + 1.0, "raise max_rate"),
    ):
        result = range_of(loss=loss)
        assert (result.suggestion, result.interval, result.falling) == (None, None, None)
        assert result.flat == (result.rates[0], result.rates[-1])
        assert result.stopped == "at the end"
        assert extra in str(result)
        assert "suggestion  none" in str(result)


@pytest.mark.parametrize("num_steps", [20, 40, 200])
def test_a_fall_without_noise_and_without_an_end(num_steps):
    result = range_of(loss=lambda params, batch: -jnp.sum(params), num_steps=num_steps)
    assert (np.diff(result.losses) <= 0.0).all()
    assert result.suggestion is not None
    assert "still falls at the highest rate: raise max_rate" in str(result)


def test_noise_alone_with_the_least_smoothing():
    result = range_of(loss=lambda params, batch: 0.0 * params[0] + batch[0], smoothing_steps=0.4)
    assert result.suggestion is None


def test_a_range_that_is_too_high_too_low_or_cut_off():
    high = range_of(min_rate=3.0)
    assert high.suggestion is None
    assert "lower min_rate" in str(high)
    assert high.erratic is not None
    assert len(high.rates) < 60
    low = range_of(max_rate=0.02)
    assert "still falls at the highest rate: raise max_rate" in str(low)
    assert low.erratic is None
    inside = range_of(min_rate=0.05)
    assert "lower min_rate" in str(inside)


def test_noise_as_large_as_the_loss():
    """The loss of one batch scatters by 6.6, and its mean falls from 6.9 to 2.2."""
    found = [range_of(batches(1600, noise=2.0, seed=seed), num_steps=1600) for seed in range(6)]
    suggestions = [result.suggestion for result in found if result.suggestion is not None]
    assert len(suggestions) >= 5
    assert all(1e-3 < suggestion < 2.0 for suggestion in suggestions)


def test_a_loss_that_is_not_finite():
    never = range_of(loss=lambda params, batch: loss_fn(params, batch) * jnp.nan)
    assert len(never.losses) == 3
    assert (never.stopped, never.suggestion) == ("nonfinite", None)
    assert "not finite at the first parameters" in str(never)
    data = batches()
    data[[3, 50, 51, 120]] = np.nan
    some = range_of(data)
    clean = range_of()
    assert some.stopped == "diverged"
    assert "4 of the losses were not finite" in str(some)
    assert some.suggestion == pytest.approx(clean.suggestion, rel=0.5)
    root = range_of(loss=lambda params, batch: jnp.sqrt(4.0 - jnp.sum(params**2)) - params[0])
    assert root.stopped == "nonfinite"


@pytest.mark.parametrize("first", [0, 5, 120])
def test_batches_that_are_not_finite_are_told_from_a_loss_that_is_not(first):
    data = batches()
    data[first : first + 3] = np.nan
    result = range_of(data)
    assert (result.stopped, len(result.losses)) == ("nonfinite", first + 3)
    assert "batches in a row that were not finite ended the test" in str(result)
    assert "lower min_rate" not in str(result)
    # Infinity in a batch is no fault in itself: a mask may hold it.
    masked = range_of(data, loss=lambda params, batch: jnp.sum((params - 1.0) ** 2))
    assert masked.suggestion is not None
    assert "not finite" not in str(masked)


def test_debugging_for_nans_is_not_disturbed():
    with jax.debug_nans(True):
        assert range_of(max_rate=1.0).suggestion is not None


WRONG = [
    ({"min_rate": 1.0, "max_rate": 0.1}, "min_rate must be less than max_rate, got min_rate=1.0"),
    ({"min_rate": 0.0}, "min_rate must be"),
    ({"max_rate": float("inf")}, "max_rate must be"),
    ({"min_rate": 1e-50}, "min_rate must be"),
    ({"max_rate": 1e39}, "max_rate must be"),
    ({"num_steps": 19}, "num_steps must be an integer of at least 20"),
    ({"num_steps": 100.0}, "num_steps must be"),
    ({"smoothing_steps": 0.0}, "smoothing_steps must be"),
    ({"smoothing_steps": 0.3}, r"smoothing_steps must be a number in \[0.4, inf\)"),
    ({"divergence_factor": -1.0}, "divergence_factor must be"),
    ({"descent_share": 1.5}, "descent_share must be"),
    ({"loss": 3.0}, "loss_fn must be"),
    ({"inner": 0.1}, "inner must be an optax.GradientTransformation"),
    ({"data": {"x": np.zeros((3, 2)), "y": np.zeros(2)}}, "batches must be arrays with the same"),
    ({"data": np.zeros((0, 2))}, "batches must be arrays"),
    ({"data": []}, "batches must have a batch for every step"),
    ({"data": iter(batches(30))}, "with 30 of them"),
    ({"loss": lambda params, batch: params - batch}, r"real scalar, .* shape \(2,\)"),
    ({"loss": lambda params, batch: (loss_fn(params, batch), 1.0)}, "the loss alone"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_is_wrong_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        range_of(**options)
