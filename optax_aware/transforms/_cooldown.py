"""The last part of a run whose end is known: the rate goes down to zero."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from optax_aware import schedules
from optax_aware._arguments import check_number
from optax_aware._types import Condition
from optax_aware.transforms._awareness import AwarenessState

COOLDOWN_FRACTION = 0.3
"""Our choice. Constant rates with cooldowns: Hägele et al. 2024, arXiv:2405.18392."""


def cooldown_factor(total_steps: ArrayLike | None) -> Callable[[ArrayLike], jax.Array]:
    """Return a function from step to a factor: 1, and linear to 0 over the last 30 %."""
    if total_steps is None:
        return lambda step: jnp.float32(1.0)
    check_number("total_steps", total_steps, low=1)
    steps = jnp.asarray(total_steps, jnp.float32)
    return schedules.warmup_stable_decay(
        1.0,
        warmup_steps=0,
        stable_steps=(1.0 - COOLDOWN_FRACTION) * steps,
        decay_steps=COOLDOWN_FRACTION * steps,
    )


def note_cooldown(awareness: AwarenessState, factor: jax.Array) -> AwarenessState:
    """Say that the run cools down or is over, unless there is something worse to say."""
    calm = awareness.aware_condition != Condition.NONFINITE
    ending = jnp.where(factor > 0.0, jnp.int32(Condition.COOLING), jnp.int32(Condition.DONE))
    condition = jnp.where(calm & (factor < 1.0), ending, awareness.aware_condition)
    return awareness._replace(aware_condition=condition)
