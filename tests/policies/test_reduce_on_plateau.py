"""What `reduce_on_plateau` promises, peers and their known faults included."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.policies import replays, streams
from tests.references.policies import pytorch_reduce_on_plateau

CURVES = streams.positive(32, 200)


def decisions_of(curves, validation_values=None, **options):
    return replays.replay("reduce_on_plateau", curves, validation_values, **options)


def scales_of(curves, validation_values=None, **options):
    return decisions_of(curves, validation_values, **options).scale


@pytest.mark.parametrize(
    "thresholds", [{}, {"factor": 0.6, "rtol": 0.05, "atol": 0.01}], ids=["default", "wide"]
)
def test_decides_as_optax(thresholds):
    counts = np.array([[10, 0, 1], [0, 0, 1], [2, 0, 1], [1, 5, 1], [2, 3, 4]], np.int32)
    floors = np.array([0.0, 0.0, 0.0, 0.0, 0.2], np.float32)

    def ours(curve, count, min_scale):
        patience, cooldown, window = count
        policy = oa.policies.reduce_on_plateau(
            patience=patience, cooldown=cooldown, window=window, min_scale=min_scale, **thresholds
        )
        return oa.policies.replay(policy, curve).scale

    def theirs(curve, count, min_scale):
        patience, cooldown, window = count
        peer = optax.contrib.reduce_on_plateau(
            patience=patience + 1,
            cooldown=cooldown,
            accumulation_size=window,
            min_scale=min_scale,
            **thresholds,
        )

        def decide(state, value):
            update, state = peer.update(jnp.ones(()), state, value=value)
            return state, update

        return jax.lax.scan(decide, peer.init(jnp.ones(())), curve)[1]

    def over_all(scales):
        over_curves = jax.vmap(scales, (0, None, None))
        return jax.jit(jax.vmap(over_curves, (None, 0, 0)))(CURVES, counts, floors)

    scales = over_all(ours)
    np.testing.assert_array_equal(scales, over_all(theirs))
    assert all(len(np.unique(setting)) > 1 for setting in scales)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"patience": 0, "factor": 0.5}, {"patience": 0, "factor": 0.5}),
        (
            {"patience": 2, "factor": 0.5, "rtol": 0.05, "cooldown": 4, "mode": "max"},
            {"patience": 2, "factor": 0.5, "threshold": 0.05, "cooldown": 4, "mode": "max"},
        ),
        (
            {"patience": 2, "factor": 0.5, "rtol": 0.0, "atol": 0.1},
            {"patience": 2, "factor": 0.5, "threshold": 0.1, "threshold_mode": "abs"},
        ),
        (
            {"patience": 1, "rtol": 0.0, "atol": 0.1, "mode": "max", "min_scale": 0.02},
            {
                "patience": 1,
                "threshold": 0.1,
                "threshold_mode": "abs",
                "mode": "max",
                "min_lr": 0.006,
            },
        ),
        ({"patience": 1, "min_change": 1e-3 / 0.3}, {"patience": 1, "eps": 1e-3}),
    ],
)
def test_decides_as_pytorch(ours, theirs):
    base_rate = 0.3
    rates = base_rate * scales_of(CURVES, **{"min_change": 1e-8 / base_rate} | ours)
    expected = [pytorch_reduce_on_plateau(c.tolist(), base_rate, **theirs) for c in CURVES]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert len(np.unique(rates)) > 2


@pytest.mark.parametrize("worsening", [0.0, 0.01, 1.0])
def test_negative_values_that_do_not_improve_are_a_plateau(worsening):
    curve = -1.0 + worsening * np.arange(40)
    scales = scales_of(np.minimum(curve, -1e-3), factor=0.5, patience=3)
    assert scales[3] == 1.0
    assert scales[4] == 0.5
    assert scales[-1] == 0.5**9


def test_negative_values_must_improve_by_their_magnitude():
    assert scales_of(-(1.02 ** np.arange(40)), patience=0, rtol=0.01)[-1] == 1.0
    assert scales_of(-(1.005 ** np.arange(40)), patience=0, rtol=0.01)[-1] < 1e-3
    assert scales_of(np.linspace(1.0, -1.0, 100), patience=0)[-1] == 1.0


def test_mode_max_mirrors_mode_min():
    curve = streams.dyadic(3, 200)[1]
    options = {"factor": 0.5, "patience": 2}
    np.testing.assert_array_equal(
        scales_of(curve, **options), scales_of(-curve, mode="max", **options)
    )


@pytest.mark.parametrize("kind", [np.nan, np.inf, -np.inf])
def test_nonfinite_for_ever_holds_the_scale(kind):
    decisions = decisions_of(np.full(100, kind), patience=0)
    assert (decisions.scale == 1.0).all()
    assert (decisions.condition == oa.Condition.NONFINITE).all()


def test_infinite_validation_is_held_and_counted():
    validations = [1.0, np.inf, np.nan, 1.0, -np.inf, 0.5]
    decisions = decisions_of(np.ones(6), validations, patience=0, factor=0.5)
    np.testing.assert_array_equal(decisions.scale, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5])
    spoiled = decisions.condition == oa.Condition.NONFINITE
    assert spoiled.tolist() == [False, True, False, False, True, False]


def test_one_infinite_value_is_no_best():
    curve = 0.9 ** np.arange(50)
    curve[5] = -np.inf
    assert scales_of(curve, patience=0)[-1] == 1.0
    assert scales_of(np.where(curve == -np.inf, np.inf, -curve), mode="max", patience=0)[-1] == 1.0


def test_patience_zero_reduces_at_the_first_miss_and_never_at_an_improvement():
    scales = scales_of([4.0, 3.0, 2.0, 2.0, 1.0, 0.5, 0.6], factor=0.5, patience=0)
    assert scales.tolist() == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_patience_lowered_in_mid_run_still_fires():
    @jax.jit
    def update(patience, state, step):
        policy = oa.policies.reduce_on_plateau(patience=patience)
        return policy.update(state, oa.Observation(jnp.ones(()), step))

    state = oa.policies.reduce_on_plateau().init()
    for step in range(8):
        state, decision = update(10, state, step)
    assert decision.scale == 1.0
    state, decision = update(3, state, 8)
    assert decision.scale == np.float32(0.1)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.int32])
def test_judges_in_float32_whatever_the_values_are(dtype):
    policy = oa.policies.reduce_on_plateau(patience=1, factor=0.5)
    state, update = policy.init(), jax.jit(policy.update)
    for step in range(100):
        value = jnp.asarray(200 - 2 * step, dtype)
        state, decision = update(state, oa.Observation(value, np.int32(step)))
    assert decision.scale == 1.0
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype("f4"), jnp.dtype("i4")}


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_window_makes_a_noisy_loss_that_falls_a_falling_one(noise):
    random = np.random.default_rng(0)
    mean = 0.3 + np.exp(-np.arange(300) / 150)
    falling = mean + noise * random.normal(size=(50, 300))
    flat = 0.3 + noise * random.normal(size=(50, 600))
    assert scales_of(falling)[:, -1].max() < 1e-6  # the documented fault of single values
    assert scales_of(falling, window=20)[:, -1].min() == 1.0
    assert np.median(scales_of(flat, window=20)[:, -1]) <= 0.1


def test_window_outlasts_a_spike():
    before = 0.97 ** np.arange(20)
    curve = np.concatenate([before, 5.0 * before[-1] * 0.97 ** np.arange(150)])
    assert scales_of(curve)[-1] < 1e-3  # the documented fault of judging single values
    assert scales_of(curve, window=20)[-1] == 1.0


def test_warmup_is_not_listened_to():
    curve = np.concatenate([np.linspace(2.0, 3.0, 50), 3.0 * 0.98 ** np.arange(100)])
    assert scales_of(curve, patience=3)[-1] < 1.0
    decisions = decisions_of(curve, patience=3, warmup_steps=50)
    assert decisions.scale[-1] == 1.0
    assert decisions.condition[49] == oa.Condition.LISTENING
    assert decisions.condition[50] == oa.Condition.DESCENDING


def test_holds_and_applies_the_scale_between_validations():
    values = np.linspace(1.0, 9.0, 40)
    validations = np.full(40, np.nan)
    validations[9::10] = 1.0
    scales = scales_of(values, validations, factor=0.5, patience=1, monitor="validation_value")
    np.testing.assert_array_equal(scales, [1.0] * 29 + [0.5] * 11)


def test_first_validation_is_a_fresh_start_from_the_scale_reached():
    values = np.ones(60)
    validations = np.full(60, np.nan)
    validations[30::3] = 1.0
    options = {"factor": 0.5, "patience": 2, "cooldown": 3}
    scales = scales_of(values, validations, **options)
    alone = scales_of(validations[30::3], **options)
    assert scales[29] < 0.1
    assert len(np.unique(alone)) > 2
    np.testing.assert_array_equal(scales[30::3], scales[29] * alone)


def test_scale_ends_at_its_floor_or_at_exactly_zero():
    curve = np.ones(600)
    assert scales_of(curve, patience=0, min_scale=3e-4)[-1] == np.float32(3e-4)
    scales = scales_of(curve, patience=0, factor=0.7)
    positive = scales[scales > 0]
    assert scales[-1] == 0.0
    assert positive.min() >= np.finfo(np.float32).tiny
    assert (np.diff(scales) <= 0).all()


def test_reports_what_it_judges():
    curve = [4.0, 2.0, 1.0, 1.0, 3.0, 3.0, np.nan]
    decisions = decisions_of(curve, window=2, patience=5)
    names = [oa.CONDITIONS[int(c)] for c in decisions.condition]
    assert names == [
        "listening",
        "descending",
        "descending",
        "descending",
        "descending",
        "rising",
        "nonfinite",
    ]
    evidence = decisions.evidence
    np.testing.assert_allclose(evidence.value_mean, [np.inf, 3, 3, 1, 1, 3, 3])
    np.testing.assert_allclose(evidence.value_standard_error, [np.inf, 1, 1, 0, 0, 0, 0])
    np.testing.assert_allclose(evidence.progress, [np.inf, 0, 0, 2, 2, 2, 2])


def test_flat_is_within_the_tolerance_of_the_best():
    decisions = decisions_of([1.0, 1.05, 0.95, 1.2, 0.8], rtol=0.1)
    names = [oa.CONDITIONS[int(c)] for c in decisions.condition]
    assert names == ["descending", "flat", "flat", "rising", "descending"]
