"""How `condition_based` begins: it hears some values, and then knows where to start."""

import jax
import jax.numpy as jnp

from optax_aware._types import Condition, Decision, Evidence, Observation
from optax_aware.policies._condition_state import (
    PHASE_HOLDING,
    PHASE_RAMPING,
    ConditionBasedState,
    Settings,
)
from optax_aware.policies._loss_guard import listen
from optax_aware.policies._rate_search import start_rate
from optax_aware.policies._scale import chosen
from optax_aware.statistics import block_mean


def hear(
    settings: Settings,
    state: ConditionBasedState,
    observation: Observation,
    value: jax.Array,
    finite: jax.Array,
) -> tuple[ConditionBasedState, Decision]:
    """Take in one of the first values, and start the ramp once there are enough of them."""
    values, block = block_mean(settings.listen_steps).update(
        state.condition_listened, jnp.where(finite, value, jnp.nan)
    )
    guard = listen(state.condition_guard, value, finite)
    deviation = block.standard_error * jnp.sqrt(jnp.asarray(settings.listen_steps, jnp.float32))
    rate = start_rate(observation, block.mean, deviation)
    measured = jnp.isfinite(rate)
    ready = block.complete & (~measured | (rate > 0.0))
    # Without an optimizer to measure, all that is left is to guard the rate that is there.
    phase = jnp.where(measured, jnp.int32(PHASE_RAMPING), jnp.int32(PHASE_HOLDING))
    rate = jnp.where(measured, rate, 1.0)
    waiting = state._replace(condition_listened=values, condition_guard=guard)
    started = waiting._replace(
        condition_phase=phase,
        condition_rate=rate,
        condition_search=state.condition_search._replace(search_start=rate, search_turn=rate),
    )
    heard = jnp.where(finite, jnp.int32(Condition.LISTENING), jnp.int32(Condition.NONFINITE))
    return chosen(ready, started, waiting), Decision(
        scale=jnp.where(ready & ~measured, rate, 0.0),
        condition=heard,
        skip=~finite,
        rewind=jnp.asarray(False),
        keep=ready,
        restart_average=ready,
        observe=~ready,
        evidence=Evidence(
            value_mean=guard.guard_level.robust_level,
            value_standard_error=jnp.float32(jnp.inf),
            progress=jnp.float32(0.0),
            annealing_gain=jnp.float32(jnp.inf),
        ),
    )
