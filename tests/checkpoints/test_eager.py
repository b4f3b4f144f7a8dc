"""The default policy without `jit`: the same decisions, and rates equal up to rounding."""

import jax
import numpy as np

import optax_aware as oa
from tests.checkpoints import interrupted

STEPS = 100
RTOL = 1e-4
"""XLA adds and multiplies in another order: 1e-5 is what came of it in 100 steps."""


def test_eager_does_what_jit_does():
    step, _ = interrupted.make_step()
    jitted = eager = interrupted.fresh()
    for batch in interrupted.stream()[:STEPS]:
        jitted = step(jitted, *batch)
        with jax.disable_jit():
            eager = step.__wrapped__(eager, *batch)
        mine, other = oa.report(jitted["opt_state"]), oa.report(eager["opt_state"])
        assert mine.condition == other.condition
        assert mine.rewound == other.rewound
        np.testing.assert_allclose(mine.learning_rate, other.learning_rate, rtol=RTOL)
    assert mine.learning_rate > 0.0
    for left, right in zip(
        jax.tree.leaves(jitted["params"]), jax.tree.leaves(eager["params"]), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=RTOL, atol=1e-6)
