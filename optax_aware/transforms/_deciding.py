"""What every transform does with one observation: decide, and write down what was decided."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from optax_aware._types import Observation, Policy
from optax_aware.transforms._awareness import (
    NO_BASE_RATE,
    AwarenessState,
    Verdict,
    advance_awareness,
)
from optax_aware.transforms._cooldown import note_cooldown
from optax_aware.transforms._events import record_event
from optax_aware.transforms._snapshot import settle_first


def deciding(
    policy: Policy, *, can_rewind: bool = False
) -> Callable[..., tuple[AwarenessState, Verdict]]:
    """Return the function that shows an observation to ``policy``.

    It maps state and observation to the state after and what is to be done, given the base
    rate, the factor of the cooldown, and whether a rewind is still on its way to its snapshot.
    Traced once for all programs that call it, and compiled once where it is called outside of one.
    """

    @jax.jit
    def decide(
        state: AwarenessState,
        observation: Observation,
        base_rate: jax.Array,
        cooldown: jax.Array,
        settling: jax.Array,
    ) -> tuple[AwarenessState, Verdict]:
        after, verdict = advance_awareness(
            policy, state, observation, base_rate, can_rewind=can_rewind
        )
        after = note_cooldown(after, cooldown)
        if can_rewind:
            after, verdict = settle_first(settling, state, after, verdict)
        return record_event(state, after, verdict, cooldown), verdict

    def decide_from(
        state: AwarenessState,
        observation: Observation,
        base_rate: jax.Array | float = NO_BASE_RATE,
        cooldown: jax.Array | float = 1.0,
        settling: jax.Array | bool = False,
    ) -> tuple[AwarenessState, Verdict]:
        return decide(
            state,
            jax.tree.map(jnp.asarray, observation),
            jnp.asarray(base_rate, jnp.float32),
            jnp.asarray(cooldown, jnp.float32),
            jnp.asarray(settling),
        )

    return decide_from
