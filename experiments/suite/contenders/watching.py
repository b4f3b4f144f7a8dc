"""What the states of this library tell of a run."""

from typing import Any

import jax

import optax_aware as oa


def watch(opt_state: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The rate, the condition and the number of rewinds so far."""
    report = oa.report(opt_state)
    return report.learning_rate, report.condition, report.rewound
