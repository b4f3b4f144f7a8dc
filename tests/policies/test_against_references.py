"""Every policy against its slow reference, step by step, on many streams."""

import numpy as np
import pytest

from tests.policies import replays, streams
from tests.references import policies as references

DYADIC = streams.spoiled(streams.dyadic(48, 160))
POSITIVE = streams.spoiled(streams.positive(48, 160))
MIXED = np.concatenate([POSITIVE[:32], DYADIC[:32]])

# On the grid of DYADIC every comparison is exact in float32 if the tolerances and the windows
# are powers of two as well: the decisions must then be the same at every single step.
EXACT = [
    ("reduce_on_plateau", {"factor": 0.5, "patience": 2, "rtol": 2**-7}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 0, "rtol": 0.0}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 1, "atol": 2**-4, "rtol": 0.0, "window": 2}),
    ("reduce_on_plateau", {"factor": 0.25, "patience": 3, "rtol": 2**-7, "cooldown": 4}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 3, "rtol": 2**-7, "mode": "max"}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 1, "rtol": 2**-7, "min_scale": 0.125}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 1, "rtol": 2**-7, "min_change": 0.01}),
    ("reduce_on_plateau", {"factor": 0.5, "patience": 1, "rtol": 2**-7, "warmup_steps": 40}),
    ("greedy", {"factor": 0.5, "patience": 1, "rtol": 2**-7, "window": 4, "reset": 3}),
    ("greedy", {"factor": 0.5, "patience": 0, "rtol": 2**-7, "window": 1, "reset": 1}),
    ("greedy", {"factor": 0.5, "patience": 2, "rtol": 0.0, "atol": 2**-5, "window": 4}),
    (
        "greedy",
        {"factor": 0.5, "patience": 1, "rtol": 2**-7, "window": 4, "cooldown": 3, "warmup": 5},
    ),
]

CLOSE = [
    ("constant", MIXED, {}),
    ("loss_ratio", MIXED, {}),
    ("loss_ratio", MIXED, {"min_scale": 0.1, "max_scale": 2.0}),
    ("ratio_based", MIXED, {}),
    ("ratio_based", MIXED, {"window": 1, "power": 0.5, "timescale": 20.0}),
    ("ratio_based", MIXED, {"window": 5, "min_scale": 0.5, "max_scale": 1.5}),
    ("robust_ratio", MIXED, {"window": 3}),
    ("robust_ratio", MIXED, {"window": 1, "patience": 0, "threshold": 0.3, "max_scale": 4.0}),
    ("robust_ratio", MIXED, {"window": 1, "patience": 1, "published": True}),
    ("robust_ratio", MIXED, {"window": 2, "published": True, "threshold": 0.25, "power": 0.01}),
    ("greedy", POSITIVE, {"rtol": 1e-3, "window": 50}),
    ("reduce_on_plateau", POSITIVE, {"window": 5, "patience": 2}),
]


@pytest.mark.parametrize(("name", "options"), EXACT)
def test_same_decision_at_every_step(name, options):
    scales = replays.replay(name, DYADIC, **options).scale
    expected = [getattr(references, name)(curve.tolist(), **options) for curve in DYADIC]
    np.testing.assert_allclose(scales, np.float32(expected), rtol=1e-6)
    assert len(np.unique(scales)) > 2


@pytest.mark.parametrize(("name", "curves", "options"), CLOSE)
def test_same_scale_at_every_step(name, curves, options):
    scales = replays.replay(name, curves, **options).scale
    expected = [getattr(references, name)(curve.tolist(), **options) for curve in curves]
    np.testing.assert_allclose(scales, expected, rtol=2e-5)
    assert name == "constant" or len(np.unique(scales)) > 2


@pytest.mark.parametrize("monitor", ["auto", "value", "validation_value"])
def test_plateau_with_validations(monitor):
    random = np.random.default_rng(3)
    validations = streams.dyadic(48, 160, seed=4)
    validations = np.where(random.uniform(size=validations.shape) < 0.3, validations, np.nan)
    validations[:, :20] = np.nan
    validations = np.where(random.uniform(size=validations.shape) < 0.02, np.inf, validations)
    validations = validations.astype(np.float32)
    options = {"factor": 0.5, "patience": 1, "rtol": 2**-7, "monitor": monitor}
    scales = replays.replay("reduce_on_plateau", DYADIC, validations, **options).scale
    expected = [
        references.reduce_on_plateau(curve.tolist(), validation.tolist(), **options)
        for curve, validation in zip(DYADIC, validations, strict=True)
    ]
    np.testing.assert_array_equal(scales, np.float32(expected))
    assert len(np.unique(scales)) > 2
