"""Windowed log ratios with patience."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_count, check_flag, check_number
from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Evidence, Observation, Policy, Scalar
from optax_aware.policies._decay_clock import DecayClock, DecayClockState
from optax_aware.statistics import BlockLogRatioState, block_log_ratio


class RobustRatioState(NamedTuple):
    """What `robust_ratio` remembers.

    Attributes:
      robust_clock: the scale.
      robust_wait: windows past the threshold since the last raise, int32.
      robust_decaying: 1 while the clock runs, int32.
      robust_condition: the condition found at the last comparison, int32.
      robust_nonfinite_seen: steps at which the loss was NaN or infinite, int32.
      robust_nonpositive_seen: comparisons with a mean that is not positive, int32.
      robust_windows: the last window and the one that is being filled.
    """

    robust_clock: DecayClockState
    robust_wait: jax.Array
    robust_decaying: jax.Array
    robust_condition: jax.Array
    robust_nonfinite_seen: jax.Array
    robust_nonpositive_seen: jax.Array
    robust_windows: BlockLogRatioState


def robust_ratio(
    window: Scalar | int = 10,
    threshold: Scalar | float | None = None,
    patience: Scalar | int = 2,
    power: Scalar | float = 0.25,
    timescale: Scalar | float = 1.0,
    min_scale: Scalar | float = 0.0,
    max_scale: Scalar | float = 10.0,
    *,
    published: bool = False,
) -> Policy:
    r"""Raise the rate when the log ratio of the loss stays past a threshold, else let it decay.

    RobustRat of the ratio-based concept, kept as a reference. With m₁ the mean of the last
    `window` losses and m₂ the mean of the `window` before them,

    .. math:: r = \log(m_1 / m_2), \qquad r = |\log(m_1 / m_2)| \ \text{as published}

    a window with r above the `threshold` θ makes it wait; when it has waited for more than
    `patience` windows, not necessarily in a row, it acts, η ← η · (1 + r − θ), and starts to
    wait anew. A window with r ≤ θ lets the rate decay as in `ratio_based`. Prefer it to
    `ratio_based` where single windows mislead; the same claim, that a rising loss asks for a
    higher rate, is in it, with the same harm.

    Completions. The absolute value forgets the direction: as published, a loss that falls
    three-fold within a window raises the rate, and since r > 1 takes a change of more than
    e-fold, everything else is pure decay. The default is signed, with θ = 0, where a log ratio
    changes sign as a ratio does at 1. ``published=True`` is the literal form: absolute, θ = 1,
    and the factor 1 + r − θ is then the published r. Decay, blocks, means that are not positive
    (for which the concept was meant, and is NaN) and values that are not finite: as in
    `ratio_based`. While it waits the scale is held.

    Args:
      window: finite losses a window, at least 1. Not published; 10 is our choice.
      threshold: θ, at least 0. Default: 0, or 1 if `published`.
      patience: windows past the threshold that are tolerated, at least 0. Not published; 2 is
        our choice.
      power: exponent of the decay, at least 0. Default: the ¼ of the concept's examples.
      timescale: of the decay in steps, above 0.
      min_scale: the lowest scale, in [0, 1]. With 0 it ends at the smallest normal float32.
      max_scale: the highest scale, at least 1.
      published: take the absolute value of the log ratio.

    Returns:
      A policy whose scale starts at 1.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import optax_aware as oa
      >>> falls_threefold = [9.0, 3.0, 3.0]
      >>> for published in (False, True):
      ...     policy = oa.policies.robust_ratio(1, patience=0, published=published)
      ...     scales = oa.policies.replay(policy, falls_threefold).scale.tolist()
      ...     print([round(scale, 3) for scale in scales])
      [1.0, 0.841, 0.76]
      [1.0, 1.099, 0.924]

    References:
      RatB (ratio-based), an unpublished concept; its formulas are given above in full.
    """
    check_flag("published", published)
    if threshold is None:
        threshold = 1.0 if published else 0.0
    check_number("threshold", threshold, 0.0)
    check_count("patience", patience)
    check_number("power", power, 0.0)
    check_number("timescale", timescale, 0.0, open_low=True)
    check_number("min_scale", min_scale, 0.0, 1.0)
    check_number("max_scale", max_scale, 1.0)
    windows = block_log_ratio(window)
    clock = DecayClock(power, timescale, min_scale, max_scale)

    def init() -> RobustRatioState:
        return RobustRatioState(
            robust_clock=clock.init(),
            robust_wait=jnp.zeros((), jnp.int32),
            robust_decaying=jnp.zeros((), jnp.int32),
            robust_condition=jnp.array(Condition.LISTENING, jnp.int32),
            robust_nonfinite_seen=jnp.zeros((), jnp.int32),
            robust_nonpositive_seen=jnp.zeros((), jnp.int32),
            robust_windows=windows.init(),
        )

    def update(
        state: RobustRatioState, observation: Observation
    ) -> tuple[RobustRatioState, Decision]:
        finite = jnp.isfinite(jnp.asarray(observation.value, jnp.float32))
        filling, ratio = windows.update(state.robust_windows, observation.value)
        strength = jnp.abs(ratio.log_ratio) if published else ratio.log_ratio
        excess = strength - jnp.asarray(threshold, jnp.float32)
        past = ratio.defined & (excess > 0.0)
        wait = counted(state.robust_wait, past)
        acting = past & (wait > jnp.asarray(patience))
        decaying = jnp.where(
            ratio.compared, (ratio.defined & ~past).astype(jnp.int32), state.robust_decaying
        )
        scale_state = clock.raise_by(state.robust_clock, acting, jnp.log1p(excess))
        scale_state = clock.tick(scale_state, finite & (decaying == 1))

        rising = ratio.defined & (ratio.log_ratio > 0.0)
        falling = ratio.defined & (ratio.log_ratio < 0.0)
        found = jnp.where(ratio.defined, jnp.int32(Condition.FLAT), jnp.int32(Condition.STEADY))
        found = jnp.where(falling, jnp.int32(Condition.DESCENDING), found)
        found = jnp.where(rising, jnp.int32(Condition.RISING), found)
        state = RobustRatioState(
            robust_clock=scale_state,
            robust_wait=jnp.where(acting, 0, wait),
            robust_decaying=decaying,
            robust_condition=jnp.where(ratio.compared, found, state.robust_condition),
            robust_nonfinite_seen=counted(state.robust_nonfinite_seen, ~finite),
            robust_nonpositive_seen=counted(
                state.robust_nonpositive_seen, ratio.compared & ~ratio.defined
            ),
            robust_windows=filling,
        )
        decision = Decision(
            scale=clock.scale(scale_state),
            condition=jnp.where(finite, state.robust_condition, jnp.int32(Condition.NONFINITE)),
            evidence=Evidence(
                value_mean=filling.ratio_mean, value_standard_error=filling.ratio_error
            ),
        )
        return state, decision

    return Policy(init, update)
