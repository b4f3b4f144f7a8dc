import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references import searches
from tests.search.bowl import START, batches, loss_fn, numpy_gradient, numpy_loss, start

IDENTITY = optax.identity()
OPTIONS = {"min_rate": 0.01, "max_rate": 10.0, "num_rates": 7, "num_steps": 40}


def searched(data=None, inner=IDENTITY, loss=loss_fn, **options):
    data = batches(40) if data is None else data
    return oa.search.coarse_to_fine(loss, start(), data, inner, **{**OPTIONS, **options})


def test_every_loss_is_that_of_the_reference():
    data = batches(30)
    result = searched(data)
    assert len(result.candidates) == 14
    kept = [one for one in result.candidates if not np.isnan(one.loss)]
    assert len(kept) >= 10
    for one in kept:
        expected = searches.trained_at(numpy_loss, numpy_gradient, START, data, one.rate, 40)
        assert one.loss == pytest.approx(expected, rel=2e-3), one
    for one in set(result.candidates) - set(kept):
        # Given up: it would have ended above the loss of the untrained parameters.
        assert one.rate > 2.0
        assert one.steps < 40


@pytest.mark.parametrize("num_steps", [4, 5, 6, 9])
def test_the_last_quarter_of_a_short_run_is_a_quarter_rounded_up(num_steps):
    data = batches(30)
    result = searched(data, num_rates=3, num_rounds=1, max_rate=1.0, num_steps=num_steps)
    for one in result.candidates:
        expected = searches.trained_at(numpy_loss, numpy_gradient, START, data, one.rate, num_steps)
        assert (one.steps, one.loss) == (num_steps, pytest.approx(expected, rel=1e-4))


def test_rates_are_an_even_grid_and_then_lie_around_the_best():
    result = searched()
    rounds = {
        number: [one.rate for one in result.candidates if one.round_number == number]
        for number in (1, 2)
    }
    np.testing.assert_allclose(rounds[1], np.geomspace(0.01, 10.0, 7))
    coarse = next(one for one in result.ranked if one.round_number == 1).rate
    place = rounds[1].index(coarse)
    expected = [
        *np.geomspace(rounds[1][place - 1], coarse, 5)[1:-1],
        *np.geomspace(coarse, rounds[1][place + 1], 6)[1:-1],
    ]
    np.testing.assert_allclose(rounds[2], expected)
    losses = [one.loss for one in result.ranked if not np.isnan(one.loss)]
    assert losses == sorted(losses)
    assert result.best == result.ranked[0].rate


def test_hopeless_runs_are_given_up_and_a_lost_round_ends():
    steps = {one.rate: one.steps for one in searched(min_rate=3.0, max_rate=1e9).candidates}
    assert len(steps) == 7  # no second round
    assert max(steps.values()) == 10  # a quarter
    assert min(steps.values()) < 10  # the round is over when none is left
    lost = searched(min_rate=3.0, max_rate=1e9)
    assert lost.best is None
    assert "every run was given up" in str(lost)


def test_the_table_is_readable():
    text = str(searched())
    lines = text.splitlines()
    assert lines[0].startswith("14 rates in 2 rounds of at most 40 steps, ")
    assert lines[1].split() == ["rate", "loss", "round", "steps"]
    assert len({len(line) for line in lines[1:13]}) == 1
    assert "and 2 more" in text
    assert "raise max_rate" in str(searched(max_rate=0.05))
    assert "lower min_rate" in str(searched(min_rate=1.9, max_rate=50.0, num_rounds=1))


def test_a_held_out_loss_and_a_schedule_decide():
    def held_out(params):
        return loss_fn(params, jnp.zeros(2))

    cosine = searched(
        eval_fn=held_out, schedule=lambda peak: oa.schedules.cosine(peak, decay_steps=40)
    )
    params = START
    rates = cosine.best * (1.0 + np.cos(np.pi * np.arange(40) / 40)) / 2
    for rate, batch in zip(rates, batches(40), strict=True):
        params = params - rate * numpy_gradient(params, batch)
    assert cosine.ranked[0].loss == pytest.approx(numpy_loss(params, np.zeros(2)), rel=1e-2)


def test_a_held_out_loss_that_is_not_finite_is_not_called_given_up():
    def held_out(params):
        # Infinite, NaN and finite: by how far the run has come.
        loss = loss_fn(params, jnp.zeros(2))
        return jnp.where(loss > 4.0, jnp.inf, jnp.where(loss > 0.7, jnp.nan, loss))

    result = searched(eval_fn=held_out, num_rounds=1)
    finite = [one for one in result.candidates if np.isfinite(one.loss)]
    strange = [one for one in result.candidates if not np.isfinite(one.loss) and not one.given_up]
    lost = [one for one in result.candidates if one.given_up]
    assert all((finite, strange, lost))
    assert {one.steps for one in (*finite, *strange)} == {40}
    assert max(one.steps for one in lost) < 40
    ranked = [*sorted(finite, key=lambda one: one.loss), *strange, *lost]
    assert [one.rate for one in result.ranked[: len(finite)]] == [
        one.rate for one in ranked[: len(finite)]
    ]
    assert [one.given_up for one in result.ranked] == [one.given_up for one in ranked]
    assert f"{len(lost)} given up early" in str(result)
    assert str(result).count("  given up  ") == len(lost)
    nowhere = searched(eval_fn=lambda params: jnp.nan * jnp.sum(params))
    assert (nowhere.best, len(nowhere.candidates)) == (None, 7)
    assert "eval_fn gave no finite loss" in str(nowhere)
    assert "every run was given up" not in str(nowhere)


def test_a_batch_that_is_not_finite_costs_one_step_alone():
    data = batches(40)
    data[[5, 21]] = np.nan
    result = searched(data, num_rounds=1)
    assert sum(one.steps == 38 for one in result.candidates) >= 5
    assert result.best is not None


def test_debugging_for_nans_is_not_disturbed():
    with jax.debug_nans(True):
        assert searched(max_rate=1.0, num_rounds=1).best is not None


def test_one_device_and_all_of_them_agree():
    if jax.device_count() < 2:
        pytest.skip("needs several devices")
    one = searched(devices=jax.devices()[:1])
    for devices, rates in ((jax.devices(), 16), (jax.devices()[:3], 7), (None, 16)):
        alone = one if rates == 7 else searched(devices=jax.devices()[:1], num_rates=rates)
        spread = searched(devices=devices, num_rates=rates)
        assert [c.rate for c in spread.candidates] == [c.rate for c in alone.candidates]
        np.testing.assert_allclose(
            [c.loss for c in spread.candidates], [c.loss for c in alone.candidates], rtol=1e-5
        )
        assert [c.steps for c in spread.candidates] == [c.steps for c in alone.candidates]


def test_iterators_lists_and_arrays_give_the_same_first_round():
    data = batches(40)
    expected = str(searched(data, num_rounds=1))
    assert str(searched(list(data), num_rounds=1)) == expected
    assert str(searched(iter(data), num_rounds=1)) == expected
    assert str(searched(list(data))) == str(searched(data))
    with pytest.raises(ValueError, match="with 40 of them"):
        searched(iter(data[:40]), num_steps=50)


def test_parameters_of_other_dtypes_and_structures():
    def loss(params, batch):
        return loss_fn(params["w"].astype(jnp.float32), batch)

    params = {"w": start().astype(jnp.bfloat16)}
    result = oa.search.coarse_to_fine(
        loss, params, batches(40), optax.scale_by_adam(), **{**OPTIONS, "num_rounds": 1}
    )
    assert result.best is not None
    assert params["w"].dtype == jnp.bfloat16
    assert not params["w"].is_deleted()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_rate": 1.0, "max_rate": 0.1}, "min_rate must be less than max_rate"),
        ({"num_rates": 2}, "num_rates must be an integer of at least 3"),
        ({"num_rounds": 0}, "num_rounds must be"),
        ({"num_steps": 3}, "num_steps must be"),
        ({"schedule": 0.1}, "schedule must be"),
        ({"eval_fn": 1}, "eval_fn must be"),
        ({"schedule": oa.schedules.constant(0.1)}, "schedule must map a rate .* be called"),
        ({"schedule": lambda rate: lambda step: jnp.ones(2)}, r"schedule must .* shape \(2,\)"),
        ({"eval_fn": lambda params: params}, r"eval_fn must .* shape \(2,\)"),
        ({"eval_fn": lambda params: (jnp.sum(params), 1.0)}, "eval_fn must .* type tuple"),
        ({"eval_fn": lambda params: jnp.sum(params) > 0.0}, "eval_fn must .* dtype bool"),
        ({"devices": []}, "devices must be at least one"),
        ({"devices": "cpu"}, "devices must be at least one"),
        ({"devices": [1]}, "devices must be at least one"),
        ({"devices": jax.devices()[0]}, "devices must be at least one"),
        ({"devices": jax.devices()[:1] * 2}, "devices must be different"),
        ({"inner": None}, "inner must be"),
        ({"loss": lambda params, batch: params}, "real scalar"),
    ],
)
def test_what_is_wrong_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        searched(**options)
