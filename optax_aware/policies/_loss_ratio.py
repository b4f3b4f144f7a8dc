"""The rate follows the loss in proportion."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_number
from optax_aware._numbers import SMALLEST_NORMAL, counted
from optax_aware._types import Condition, Decision, Evidence, Observation, Policy, Scalar
from optax_aware.policies._scale import bounded, finite_difference


class LossRatioState(NamedTuple):
    """What `loss_ratio` remembers.

    Attributes:
      loss_ratio_first: the first positive loss; infinite before it, float32.
      loss_ratio_last: the latest positive loss; infinite before it, float32.
      loss_ratio_condition: the condition found at that loss, int32.
      loss_ratio_nonfinite_seen: steps at which the loss was NaN or infinite, int32.
      loss_ratio_nonpositive_seen: steps at which it was finite and not positive, int32.
    """

    loss_ratio_first: jax.Array
    loss_ratio_last: jax.Array
    loss_ratio_condition: jax.Array
    loss_ratio_nonfinite_seen: jax.Array
    loss_ratio_nonpositive_seen: jax.Array


def loss_ratio(min_scale: Scalar | float = 0.0, max_scale: Scalar | float = 10.0) -> Policy:
    r"""Scale the rate with the loss: half the loss, half the rate.

    The first formula of the ratio-based concept. Kept as a reference; prefer it only for a
    positive loss with little noise whose attainable minimum is near zero, where it decays
    the rate as far as the loss has come.

    .. math:: \eta_t = \eta_{t-1} \frac{L_{t-1}}{L_{t-2}} = \eta_0 \frac{L_{t-1}}{L_0}

    The product telescopes, and the right-hand form is what is computed: nothing is
    compounded, so rounding does not add up. The loss that update t - 1 left behind is the
    `value` handed in at step t; the scale of step t is therefore that value over the first.

    Known faults: the scale carries the noise of every single value, and of the first for
    ever; a rising loss raises the rate, which raises the loss; and a constant offset of the
    loss changes all decisions.

    Completions of the published formula: the two bounds, and what happens without a ratio. A
    value that is not positive, or is not finite, holds the scale and is counted.

    Args:
      min_scale: the lowest scale, in [0, 1].
      max_scale: the highest scale, at least 1. The concept has no bound; 10 stops a rising
        loss from driving the rate without end.

    Returns:
      A policy whose scale starts at 1.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.loss_ratio()
      >>> oa.policies.replay(policy, [4.0, 2.0, -1.0, 1.0]).scale.tolist()
      [1.0, 0.5, 0.5, 0.25]

    References:
      RatB (ratio-based), an unpublished concept; the formula is given above in full.
    """
    check_number("min_scale", min_scale, 0.0, 1.0)
    check_number("max_scale", max_scale, 1.0)

    def init() -> LossRatioState:
        return LossRatioState(
            loss_ratio_first=jnp.full((), jnp.inf, jnp.float32),
            loss_ratio_last=jnp.full((), jnp.inf, jnp.float32),
            loss_ratio_condition=jnp.array(Condition.LISTENING, jnp.int32),
            loss_ratio_nonfinite_seen=jnp.zeros((), jnp.int32),
            loss_ratio_nonpositive_seen=jnp.zeros((), jnp.int32),
        )

    def update(state: LossRatioState, observation: Observation) -> tuple[LossRatioState, Decision]:
        value = jnp.asarray(observation.value, jnp.float32)
        finite = jnp.isfinite(value)
        usable = finite & (value >= SMALLEST_NORMAL)
        begins = usable & jnp.isinf(state.loss_ratio_first)

        found = jnp.where(
            value > state.loss_ratio_last, jnp.int32(Condition.RISING), jnp.int32(Condition.FLAT)
        )
        found = jnp.where(value < state.loss_ratio_last, jnp.int32(Condition.DESCENDING), found)
        found = jnp.where(begins, jnp.int32(Condition.LISTENING), found)
        state = LossRatioState(
            loss_ratio_first=jnp.where(begins, value, state.loss_ratio_first),
            loss_ratio_last=jnp.where(usable, value, state.loss_ratio_last),
            loss_ratio_condition=jnp.where(usable, found, state.loss_ratio_condition),
            loss_ratio_nonfinite_seen=counted(state.loss_ratio_nonfinite_seen, ~finite),
            loss_ratio_nonpositive_seen=counted(
                state.loss_ratio_nonpositive_seen, finite & ~usable
            ),
        )
        decision = Decision(
            scale=bounded(
                state.loss_ratio_last / state.loss_ratio_first,
                jnp.ones((), jnp.float32),
                min_scale,
                max_scale,
            ),
            condition=jnp.where(finite, state.loss_ratio_condition, jnp.int32(Condition.NONFINITE)),
            evidence=Evidence(
                value_mean=state.loss_ratio_last,
                progress=finite_difference(state.loss_ratio_first, state.loss_ratio_last),
            ),
        )
        return state, decision

    return Policy(init, update)
