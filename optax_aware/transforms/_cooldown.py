"""The last part of a run whose end is known: the rate goes down to zero."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from optax_aware._arguments import check_number
from optax_aware._types import Condition
from optax_aware.transforms._awareness import AwarenessState

COOLDOWN_FRACTION = 0.3
"""Our choice. Constant rates with cooldowns of this shape: Hägele et al. 2024, arXiv:2405.18392."""

_LARGEST_STEP = 2**31 - 1


def cooldown_factor(total_steps: ArrayLike | None) -> Callable[[jax.Array], jax.Array]:
    """Return a function from an int32 step to a factor: 1, then 1 - sqrt(u) to exactly 0.

    u is the elapsed part of the cooldown. Against a straight line it helps most where the rate is
    too high, because more of the time is spent at low rates.

    Whole numbers of steps are subtracted as integers: float32 would miss the end of runs of
    more than 2**24 steps.
    """
    if total_steps is None:
        return lambda step: jnp.float32(1.0)
    check_number("total_steps", total_steps, low=1, high=_LARGEST_STEP)
    steps = jnp.asarray(total_steps)
    steps = steps.astype(jnp.int32 if jnp.issubdtype(steps.dtype, jnp.integer) else jnp.float32)
    # What would be refused in a known number is read as the nearest one allowed.
    steps = jnp.where(steps >= 1, jnp.minimum(steps, _LARGEST_STEP), 1)
    cooldown_steps = COOLDOWN_FRACTION * steps.astype(jnp.float32)

    def factor(step: jax.Array) -> jax.Array:
        left = jnp.maximum(steps - step, 0).astype(jnp.float32)
        part_left = jnp.minimum(left / cooldown_steps, 1.0)
        # The same as 1 - sqrt(1 - part_left), without its cancellation near the end.
        return part_left / (1.0 + jnp.sqrt(1.0 - part_left))

    return factor


def note_cooldown(awareness: AwarenessState, factor: jax.Array) -> AwarenessState:
    """Say that the run cools down or is over, unless there is something worse to say."""
    calm = awareness.aware_condition != Condition.NONFINITE
    ending = jnp.where(factor > 0.0, jnp.int32(Condition.COOLING), jnp.int32(Condition.DONE))
    condition = jnp.where(calm & (factor < 1.0), ending, awareness.aware_condition)
    return awareness._replace(aware_condition=condition)
