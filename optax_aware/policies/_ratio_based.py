"""Windowed loss ratios: raise with a rising loss, decay otherwise."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_number
from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Evidence, Observation, Policy, Scalar
from optax_aware.policies._decay_clock import DecayClock, DecayClockState
from optax_aware.statistics import BlockLogRatioState, block_log_ratio


class RatioBasedState(NamedTuple):
    """What `ratio_based` remembers.

    Attributes:
      ratio_based_clock: the scale.
      ratio_based_decaying: 1 while the clock runs, int32.
      ratio_based_condition: the condition found at the last comparison, int32.
      ratio_based_nonfinite_seen: steps at which the loss was NaN or infinite, int32.
      ratio_based_nonpositive_seen: comparisons with a mean that is not positive, int32.
      ratio_based_windows: the last window and the one that is being filled.
    """

    ratio_based_clock: DecayClockState
    ratio_based_decaying: jax.Array
    ratio_based_condition: jax.Array
    ratio_based_nonfinite_seen: jax.Array
    ratio_based_nonpositive_seen: jax.Array
    ratio_based_windows: BlockLogRatioState


def ratio_based(
    window: Scalar | int = 10,
    power: Scalar | float = 0.25,
    timescale: Scalar | float = 1.0,
    min_scale: Scalar | float = 0.0,
    max_scale: Scalar | float = 10.0,
) -> Policy:
    r"""Raise the rate by the root of a rising loss ratio, let it decay otherwise.

    RatBLR of the ratio-based concept, kept as a reference. With m₁ the mean of the last
    `window` losses and m₂ the mean of the `window` before them,

    .. math:: r = \sqrt{m_1 / m_2}, \qquad
              \eta \leftarrow \eta \cdot r \ \text{if } r > 1, \qquad
              \eta_t \propto (1 + (t - t_\text{hold}) / s)^{-p} \ \text{if } r \le 1

    Prefer `inverse_power` of the schedules where only the decay is wanted. That a rising loss
    should raise the rate is the concept's own claim; on a run that diverges because its rate
    is too high it does harm, up to `max_scale`.

    Completions. The decay was published with an undefined factor, and its code divided the
    rate by :math:`(t + 1)^p` at every step, which compounds to :math:`(T!)^{-p}`: 2.5e-5 at
    step 20. Here it runs on a clock and never compounds; :math:`t_\text{hold}` counts the
    steps at which the clock stood: before the first comparison, and after each comparison
    that did not find r ≤ 1, until the next. Windows are blocks, compared when the later one
    is complete. A comparison with a mean that is not positive has no ratio: the scale is
    held, and it is counted. A loss that is NaN or infinite is left out and counted, and the
    clock stands for that step.

    Args:
      window: finite losses a window, at least 1. Not published; 10 is our choice.
      power: p, at least 0. Default: the ¼ of the concept's examples.
      timescale: s in steps, above 0. Default: 1, which gives the published
        :math:`(t + 1)^{-p}` without the compounding.
      min_scale: the lowest scale, in [0, 1]. With 0 it ends at the smallest normal float32.
      max_scale: the highest scale, at least 1; stops a rising loss from driving the rate
        without end.

    Returns:
      A policy whose scale starts at 1.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.ratio_based(window=1, power=0.5)
      >>> decisions = oa.policies.replay(policy, [1.0, 4.0, 2.0, 1.0, 4.0])
      >>> [round(scale, 3) for scale in decisions.scale.tolist()]
      [1.0, 2.0, 1.414, 1.155, 2.309]

    References:
      RatB (ratio-based), an unpublished concept; its formulas are given above in full.
    """
    check_number("power", power, 0.0)
    check_number("timescale", timescale, 0.0, open_low=True)
    check_number("min_scale", min_scale, 0.0, 1.0)
    check_number("max_scale", max_scale, 1.0)
    windows = block_log_ratio(window)
    clock = DecayClock(power, timescale, min_scale, max_scale)

    def init() -> RatioBasedState:
        return RatioBasedState(
            ratio_based_clock=clock.init(),
            ratio_based_decaying=jnp.zeros((), jnp.int32),
            ratio_based_condition=jnp.array(Condition.LISTENING, jnp.int32),
            ratio_based_nonfinite_seen=jnp.zeros((), jnp.int32),
            ratio_based_nonpositive_seen=jnp.zeros((), jnp.int32),
            ratio_based_windows=windows.init(),
        )

    def update(
        state: RatioBasedState, observation: Observation
    ) -> tuple[RatioBasedState, Decision]:
        finite = jnp.isfinite(jnp.asarray(observation.value, jnp.float32))
        filling, ratio = windows.update(state.ratio_based_windows, observation.value)
        rising = ratio.defined & (ratio.log_ratio > 0.0)
        falling = ratio.defined & (ratio.log_ratio < 0.0)
        decaying = jnp.where(
            ratio.compared,
            (ratio.defined & ~rising).astype(jnp.int32),
            state.ratio_based_decaying,
        )
        scale_state = clock.raise_by(state.ratio_based_clock, rising, 0.5 * ratio.log_ratio)
        scale_state = clock.tick(scale_state, finite & (decaying == 1))

        found = jnp.where(ratio.defined, jnp.int32(Condition.FLAT), jnp.int32(Condition.STEADY))
        found = jnp.where(falling, jnp.int32(Condition.DESCENDING), found)
        found = jnp.where(rising, jnp.int32(Condition.RISING), found)
        state = RatioBasedState(
            ratio_based_clock=scale_state,
            ratio_based_decaying=decaying,
            ratio_based_condition=jnp.where(ratio.compared, found, state.ratio_based_condition),
            ratio_based_nonfinite_seen=counted(state.ratio_based_nonfinite_seen, ~finite),
            ratio_based_nonpositive_seen=counted(
                state.ratio_based_nonpositive_seen, ratio.compared & ~ratio.defined
            ),
            ratio_based_windows=filling,
        )
        decision = Decision(
            scale=clock.scale(scale_state),
            condition=jnp.where(
                finite, state.ratio_based_condition, jnp.int32(Condition.NONFINITE)
            ),
            evidence=Evidence(
                value_mean=filling.ratio_mean, value_standard_error=filling.ratio_error
            ),
        )
        return state, decision

    return Policy(init, update)
