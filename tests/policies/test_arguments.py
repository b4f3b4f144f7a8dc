"""Wrong arguments: a ValueError that names the argument, its value and what is allowed."""

import jax
import numpy as np
import pytest

import optax_aware as oa

FRACTION, COUNT = [-0.1, 1.1, np.nan, "a", None, True], [-1, 1.5, np.inf, 2**31, "a", None, True]
POSITIVE, AMOUNT, AT_LEAST_ONE = [0.0, -1.0, np.inf], [-1e-9, np.nan, np.inf], [0.5, np.inf, "a"]

WRONG = {
    "condition_based": {
        "listen_steps": [1, *COUNT],
        "growth": POSITIVE,
        "boost": AMOUNT,
        "threshold": POSITIVE,
        "factor": [0.0, *FRACTION],
        "patience": [0, *COUNT],
        "drift_patience": [1, *COUNT],
    },
    "greedy": {
        "factor": [0.0, *FRACTION],
        "patience": COUNT,
        "rtol": FRACTION,
        "atol": AMOUNT,
        "cooldown": COUNT,
        "warmup": COUNT,
        "window": [0, -1, 2.0, "a", None, True],
        "reset": [0, *COUNT],
        "min_scale": FRACTION,
        "max_scale": AT_LEAST_ONE,
    },
    "loss_ratio": {"min_scale": FRACTION, "max_scale": AT_LEAST_ONE},
    "ratio_based": {
        "window": [0, *COUNT],
        "power": AMOUNT,
        "timescale": POSITIVE,
        "min_scale": FRACTION,
        "max_scale": AT_LEAST_ONE,
    },
    "reduce_on_plateau": {
        "factor": [0.0, *FRACTION],
        "patience": COUNT,
        "rtol": FRACTION,
        "atol": AMOUNT,
        "cooldown": COUNT,
        "window": [0, *COUNT],
        "min_scale": FRACTION,
        "mode": ["maximum", None, 1],
        "warmup_steps": COUNT,
        "min_change": AMOUNT,
        "monitor": ["val_loss", None, 1],
    },
    "robust_ratio": {
        "window": [0, *COUNT],
        "threshold": [-0.1, np.nan, "a"],
        "patience": COUNT,
        "power": AMOUNT,
        "timescale": POSITIVE,
        "min_scale": FRACTION,
        "max_scale": AT_LEAST_ONE,
        "published": [1, 0, None, "yes"],
    },
}

CASES = [
    (policy, argument, value)
    for policy, arguments in WRONG.items()
    for argument, values in arguments.items()
    for value in values
]


@pytest.mark.parametrize(("policy", "argument", "value"), CASES)
def test_wrong_argument(policy, argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must be .*\b{argument}=") as error:
        getattr(oa.policies, policy)(**{argument: value})
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("patience", [6, 7, 100])
def test_what_exhausts_patience_comes_before_a_change_of_the_data(patience):
    with pytest.raises(ValueError, match=f"drift_patience=6 and patience={patience}"):
        oa.policies.condition_based(patience=patience, drift_patience=6)
    with pytest.raises(ValueError, match="drift_patience must be more than patience"):
        oa.policies.condition_based(patience=np.int64(patience), drift_patience=6.0)
    oa.policies.condition_based(patience=5, drift_patience=6)


@pytest.mark.parametrize("argument", ["factor", "patience", "window"])
def test_array_argument_names_the_way_to_sweep(argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be a scalar .*jax\.vmap"):
        oa.policies.reduce_on_plateau(**{argument: np.ones(3)})


def test_window_that_sets_a_shape_must_be_known():
    with pytest.raises(ValueError, match="window must be an integer of at least 1, known when"):
        jax.jit(lambda window: oa.policies.greedy(window=window).init())(4)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), jax.numpy.float32(0.5), 1])
def test_numbers_of_every_kind_are_taken(number):
    policy = oa.policies.loss_ratio(min_scale=number)
    assert oa.policies.replay(policy, [1.0, 0.1]).scale[-1] == np.float32(number)
    oa.policies.reduce_on_plateau(patience=np.int64(2), window=3.0)
