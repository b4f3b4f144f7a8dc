"""What makes an event: a step at which the policy acted, and either end of the cooldown."""

import jax
import jax.numpy as jnp

from optax_aware._types import Condition
from optax_aware.transforms._awareness import AwarenessState, Verdict
from optax_aware.transforms._event_log import (
    COOLED,
    RELEARNED,
    REWOUND,
    SCALED,
    SKIPPED,
    Span,
    add_event,
)


def record_event(
    before: AwarenessState,
    after: AwarenessState,
    verdict: Verdict,
    cooldown: jax.Array,
) -> AwarenessState:
    """Return ``after`` with what happened in this step added to its events.

    The policy acts where it changes its scale, rewinds, skips, or finds the data changed. The
    cooldown leaves one event at its beginning and one at its end, which grow until the policy
    acts again; a step that the policy holds puts them off to the next. What else moves the
    rate, a schedule or a person, leaves none. No rate went before the first step: the one
    before is unknown there.
    """
    rewound = after.aware_rewound != before.aware_rewound
    skipped = after.aware_skipped != before.aware_skipped
    scaled = after.aware_scale != before.aware_scale
    # New levels after a change of the data may leave the rate as it is.
    relearned = verdict.condition == Condition.DRIFTED
    acted = rewound | skipped | scaled | relearned

    held = verdict.skip | verdict.rewind
    phase = jnp.where(cooldown >= 1.0, 0, jnp.where(cooldown > 0.0, 1, 2)).astype(jnp.int32)
    announced = before.aware_events.aware_event_cooldown_phase
    announces = (phase > announced) & ~held
    ending = announces | ~acted
    end_condition = jnp.where(phase > 1, Condition.DONE, Condition.COOLING)
    action = jnp.where(scaled, SCALED, RELEARNED)
    action = jnp.where(rewound, REWOUND, jnp.where(skipped, SKIPPED, action))

    step = before.aware_updates_seen
    rate_before = jnp.where(step > 0, before.aware_learning_rate, jnp.inf)
    numbers = (
        rate_before,
        after.aware_learning_rate,
        after.aware_value_mean,
        after.aware_value_standard_error,
        after.aware_progress,
        after.aware_annealing_gain,
    )
    events = add_event(
        before.aware_events,
        Span(
            step=step,
            condition=jnp.where(ending, end_condition, verdict.condition).astype(jnp.int32),
            action=jnp.where(ending, COOLED, action).astype(jnp.int32),
            numbers=_known(jnp.stack(numbers)),
        ),
        may_begin=acted | announces,
        may_extend=acted | announces | ((phase > 0) & ~held),
    )
    return after._replace(
        aware_events=events._replace(
            aware_event_cooldown_phase=jnp.where(announces, phase, jnp.minimum(phase, announced))
        )
    )


def _known(numbers: jax.Array) -> jax.Array:
    """Return infinity for NaN, which would trip ``jax_debug_nans`` for as long as it is kept."""
    return jnp.where(jnp.isnan(numbers), jnp.inf, numbers)
