"""What `loss_ratio`, `ratio_based` and `robust_ratio` promise beyond their references."""

import jax
import numpy as np
import pytest

import optax_aware as oa
from tests.policies import replays, streams

FALLING = 0.99 ** np.arange(400)
NEGATIVE = -1.0 - FALLING


def names(decisions):
    return [oa.CONDITIONS[int(condition)] for condition in decisions.condition]


def test_loss_ratio_telescopes():
    curve = streams.positive(1, 500)[0]
    product = np.cumprod(np.float64(curve[1:]) / np.float64(curve[:-1]))
    scales = replays.replay("loss_ratio", curve, max_scale=1e30).scale
    np.testing.assert_allclose(scales[1:], product, rtol=1e-6)


@pytest.mark.parametrize("name", ["loss_ratio", "ratio_based", "robust_ratio"])
def test_negative_losses_hold_the_scale_and_are_counted(name):
    policy = getattr(oa.policies, name)(**({} if name == "loss_ratio" else {"window": 2}))
    state, update = policy.init(), jax.jit(policy.update)
    for step, value in enumerate(NEGATIVE[:20]):
        state, decision = update(state, oa.Observation(np.float32(value), np.int32(step)))
        assert decision.scale == 1.0
    counters = [count for key, count in state._asdict().items() if "nonpositive" in key]
    assert counters == ([20] if name == "loss_ratio" else [9])


@pytest.mark.parametrize("name", ["ratio_based", "robust_ratio"])
def test_decay_is_an_inverse_power_and_does_not_compound(name):
    scales = replays.replay(name, FALLING, window=10).scale
    steps = np.arange(400)
    expected = np.where(steps < 19, 1.0, (1.0 + np.maximum(steps - 18, 0)) ** -0.25)
    np.testing.assert_allclose(scales, expected, rtol=1e-5)
    assert scales[50] > 0.4  # compounded at every step it would be 7.6e-17


@pytest.mark.parametrize("name", ["ratio_based", "robust_ratio"])
def test_decay_is_the_same_however_often_it_is_held_up(name):
    """Noise that raises in every other window must not restart the steep first decay."""
    curve = np.tile([1.0, 1.0, 1.000001, 1.000001], 100)
    scales = replays.replay(name, curve, window=2).scale
    assert scales[-1] == pytest.approx((1 + 200) ** -0.25, rel=0.02)


def test_ratio_based_raises_by_the_root():
    decisions = replays.replay("ratio_based", [1.0, 1.0, 2.25, 2.25, 2.25], window=2)
    np.testing.assert_allclose(decisions.scale, [1, 1, 1, 1.5, 1.5], rtol=1e-6)
    assert names(decisions) == ["listening"] * 3 + ["rising"] * 2
    np.testing.assert_allclose(decisions.evidence.value_mean, [np.inf, 1, 1, 2.25, 2.25])


def test_raise_starts_from_the_bound_that_is_in_force():
    curve = np.concatenate([FALLING, [0.1], [0.4]])
    scales = replays.replay("ratio_based", curve, window=1, min_scale=0.5).scale
    assert scales[399] == 0.5
    assert scales[-1] == pytest.approx(0.5 * np.sqrt(0.4 / FALLING[-1]), rel=1e-5)
    curve = np.concatenate([1.1 ** np.arange(50), 1.1**49 * 0.9 ** np.arange(1, 3)])
    scales = replays.replay("ratio_based", curve, window=1, max_scale=2.0, power=0.5).scale
    np.testing.assert_allclose(scales[-3:], [2.0, 2.0 * 2**-0.5, 2.0 * 3**-0.5], rtol=1e-5)


def test_robust_ratio_is_signed_unless_published():
    options = {"window": 1, "patience": 0}
    falls, rises = [9.0, 3.0], [3.0, 9.0]
    for curve, signed, absolute in [
        (falls, 2**-0.25, np.log(3)),
        (rises, 1 + np.log(3), np.log(3)),
    ]:
        scales = replays.replay("robust_ratio", curve, **options).scale
        assert scales[-1] == pytest.approx(signed, rel=1e-5)
        scales = replays.replay("robust_ratio", curve, published=True, **options).scale
        assert scales[-1] == pytest.approx(absolute, rel=1e-5)


def test_robust_ratio_as_published_decays_below_an_e_fold_change():
    scales = replays.replay("robust_ratio", [1.0, 2.7, 1.0, 2.7], window=1, published=True).scale
    np.testing.assert_allclose(scales, [1.0, 2**-0.25, 3**-0.25, 4**-0.25], rtol=1e-5)


def test_robust_ratio_waits_and_holds_while_it_waits():
    scales = replays.replay("robust_ratio", 2.0 ** np.arange(7), window=1, patience=2).scale
    factor = 1 + np.log(2)
    np.testing.assert_allclose(scales, [1, 1, 1, factor, factor, factor, factor**2], rtol=1e-5)


def test_robust_ratio_rejects_nothing_of_its_own_default():
    explicit = replays.replay("robust_ratio", FALLING, published=True, threshold=1.0).scale
    policy = oa.policies.robust_ratio(published=True)
    np.testing.assert_allclose(oa.policies.replay(policy, FALLING).scale, explicit, rtol=1e-6)
