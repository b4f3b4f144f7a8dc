"""The state that every transform of ours carries, and the one place where it moves on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Observation, Policy, PolicyState
from optax_aware.transforms._event_log import EventsState, no_events
from optax_aware.transforms._hand_set_rate import HandSetRate, follow, nothing_set
from optax_aware.transforms._leaves import in_dtype_of, rarely


class AwarenessState(NamedTuple):
    """What a policy has seen and decided, in float32 and int32 arrays.

    Attributes:
      aware_policy_state: the state of the policy.
      aware_updates_seen: the number of updates so far.
      aware_scale: the scale of the last decision.
      aware_condition: the condition of the last decision.
      aware_value_mean: `Evidence.value_mean`, infinite where unknown.
      aware_value_standard_error: `Evidence.value_standard_error`, infinite where unknown.
      aware_progress: `Evidence.progress`, infinite where unknown.
      aware_annealing_gain: `Evidence.annealing_gain`, infinite where unknown.
      aware_learning_rate: the rate of the last update, or the one set by hand since.
      aware_rate_factor: `HandSetRate.factor`.
      aware_rate_ceiling: `HandSetRate.ceiling`.
      aware_rate_request: `HandSetRate.request`.
      aware_reset_request: 1 when the policy starts afresh at the next update.
      aware_norms_wanted: 1 when the policy wants its norms at the next update.
      aware_skipped: the number of updates that were skipped.
      aware_rewound: the number of rewinds.
      aware_nonfinite: the number of updates with a loss or gradient that is not finite, or a
        rate that is not a finite number of at least 0.
      aware_events: the newest changes of the rate, and why they were made.
    """

    aware_policy_state: PolicyState
    aware_updates_seen: jax.Array
    aware_scale: jax.Array
    aware_condition: jax.Array
    aware_value_mean: jax.Array
    aware_value_standard_error: jax.Array
    aware_progress: jax.Array
    aware_annealing_gain: jax.Array
    aware_learning_rate: jax.Array
    aware_rate_factor: jax.Array
    aware_rate_ceiling: jax.Array
    aware_rate_request: jax.Array
    aware_reset_request: jax.Array
    aware_norms_wanted: jax.Array
    aware_skipped: jax.Array
    aware_rewound: jax.Array
    aware_nonfinite: jax.Array
    aware_events: EventsState


def _float(value) -> jax.Array:
    return jnp.asarray(value, jnp.float32)


def _integer(value) -> jax.Array:
    return jnp.asarray(value, jnp.int32)


def _fresh(policy: Policy) -> PolicyState:
    """Return the policy's first state in arrays of its own, so that it can be donated."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), policy.init())


NO_BASE_RATE = 1.0
"""Where a policy's scale is all that a transform applies."""


def init_awareness(policy: Policy, base_rate: jax.Array | float = NO_BASE_RATE) -> AwarenessState:
    """Return the state before the first update; nobody knows a rate that is yet to be found."""
    first_scale = 0.0 if policy.finds_rate else 1.0
    return AwarenessState(
        aware_policy_state=_fresh(policy),
        aware_updates_seen=_integer(0),
        aware_scale=_float(first_scale),
        aware_condition=_integer(Condition.LISTENING),
        aware_value_mean=_float(jnp.inf),
        aware_value_standard_error=_float(jnp.inf),
        aware_progress=_float(jnp.inf),
        aware_annealing_gain=_float(jnp.inf),
        aware_learning_rate=first_scale * _or_zero(_float(base_rate)),
        aware_rate_factor=nothing_set().factor,
        aware_rate_ceiling=nothing_set().ceiling,
        aware_rate_request=nothing_set().request,
        aware_reset_request=_integer(0),
        aware_norms_wanted=_integer(1),
        aware_skipped=_integer(0),
        aware_rewound=_integer(0),
        aware_nonfinite=_integer(0),
        aware_events=no_events(),
    )


class Verdict(NamedTuple):
    """A decision in arrays, with the rate that follows from it and the condition behind it."""

    rate: jax.Array
    skip: jax.Array
    rewind: jax.Array
    keep: jax.Array
    restart_average: jax.Array
    condition: jax.Array


def advance_awareness(
    policy: Policy,
    state: AwarenessState,
    observation: Observation,
    base_rate: jax.Array,
    *,
    can_rewind: bool,
) -> tuple[AwarenessState, Verdict]:
    """Show one observation to the policy and return the new state and what is to be done.

    A step is skipped, whatever the policy says, whose loss or gradient is not finite. Where the
    base rate is not a finite number of at least 0, the step is skipped as well, and the policy,
    which knows nothing of schedules, goes on as if there had been none. A rewind is left undone
    where the transform has nothing to go back to. The transform adds the event of the step with
    `record_event`, once it has had its own say.
    """
    resets = state.aware_reset_request > 0
    before = rarely(resets, policy.init(), state.aware_policy_state)
    policy_state, decision = policy.update(before, observation)
    policy_state = jax.tree.map(in_dtype_of, policy_state, before)
    # Without a rate there is no step to decide about: what the policy says is not heard.
    heard = _usable(base_rate)
    policy_state = rarely(~heard, before, policy_state)
    scale = jnp.where(heard, _float(decision.scale), state.aware_scale)
    scaled_rate = base_rate * scale
    rate, hand_set = follow(_hand_set(state, resets), _or_zero(scaled_rate))
    finite = jnp.isfinite(_float(observation.value)) & jnp.asarray(observation.gradients_finite)
    finite &= _usable(scaled_rate)
    skip = jnp.asarray(decision.skip) | ~finite
    rewind = jnp.asarray(decision.rewind) & can_rewind & heard
    new_state = AwarenessState(
        aware_policy_state=policy_state,
        aware_updates_seen=counted(state.aware_updates_seen),
        aware_scale=scale,
        aware_condition=jnp.where(
            finite, _integer(decision.condition), _integer(Condition.NONFINITE)
        ),
        aware_value_mean=_float(decision.evidence.value_mean),
        aware_value_standard_error=_float(decision.evidence.value_standard_error),
        aware_progress=_float(decision.evidence.progress),
        aware_annealing_gain=_float(decision.evidence.annealing_gain),
        aware_learning_rate=rate,
        aware_rate_factor=hand_set.factor,
        aware_rate_ceiling=hand_set.ceiling,
        aware_rate_request=hand_set.request,
        aware_reset_request=_integer(0),
        aware_norms_wanted=jnp.where(heard, _integer(decision.observe), state.aware_norms_wanted),
        aware_skipped=counted(state.aware_skipped, skip),
        aware_rewound=counted(state.aware_rewound, rewind),
        aware_nonfinite=counted(state.aware_nonfinite, ~finite),
        aware_events=state.aware_events,
    )
    verdict = Verdict(
        rate=rate,
        skip=skip,
        rewind=rewind,
        keep=_keep(decision, skip, rewind),
        restart_average=(jnp.asarray(decision.restart_average) & heard) | rewind,
        condition=new_state.aware_condition,
    )
    return new_state, verdict


def _hand_set(state: AwarenessState, resets: jax.Array) -> HandSetRate:
    """Return what was set by hand; a reset drops it, but not what was asked for since."""
    now = HandSetRate(state.aware_rate_request, state.aware_rate_factor, state.aware_rate_ceiling)
    fresh = nothing_set()._replace(request=state.aware_rate_request)
    return jax.tree.map(lambda new, old: jnp.where(resets, new, old), fresh, now)


def _usable(rate: jax.Array) -> jax.Array:
    return jnp.isfinite(rate) & (rate >= 0.0)


def _or_zero(rate: jax.Array) -> jax.Array:
    return jnp.where(_usable(rate), rate, 0.0)


def _keep(decision: Decision, skip: jax.Array, rewind: jax.Array) -> jax.Array:
    return jnp.asarray(decision.keep) & ~skip & ~rewind
