"""GreedyLR: raise while the loss improves, lower when it does not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_count, check_number
from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Evidence, Observation, Policy, Scalar
from optax_aware.policies._improvement import improves
from optax_aware.policies._scale import bounded, finite_difference
from optax_aware.statistics import RollingMeanState, rolling_mean


class GreedyState(NamedTuple):
    """What `greedy` remembers.

    Attributes:
      greedy_scale: the present scale, float32.
      greedy_best: the lowest rolling mean that was judged; infinite before one, float32.
      greedy_first: the first rolling mean since the last fresh start, float32.
      greedy_mean: the latest rolling mean, float32.
      greedy_good: judged steps in a row that set a new best, int32.
      greedy_bad: judged steps in a row that did not, int32.
      greedy_cooldown_left: steps after a reduction that are still not judged, int32.
      greedy_warmup_left: steps after a raise that are still not judged, int32.
      greedy_floor_hits: reductions that ended at the lowest scale since a raise, int32.
      greedy_condition: the condition found at the latest finite loss, int32.
      greedy_nonfinite_seen: steps at which the loss was NaN or infinite, int32.
      greedy_window: the latest finite losses.
    """

    greedy_scale: jax.Array
    greedy_best: jax.Array
    greedy_first: jax.Array
    greedy_mean: jax.Array
    greedy_good: jax.Array
    greedy_bad: jax.Array
    greedy_cooldown_left: jax.Array
    greedy_warmup_left: jax.Array
    greedy_floor_hits: jax.Array
    greedy_condition: jax.Array
    greedy_nonfinite_seen: jax.Array
    greedy_window: RollingMeanState


def greedy(
    factor: Scalar | float = 0.95,
    patience: Scalar | int = 10,
    rtol: Scalar | float = 1e-6,
    atol: Scalar | float = 0.0,
    cooldown: Scalar | int = 0,
    warmup: Scalar | int = 0,
    window: int = 50,
    reset: Scalar | int = 500,
    min_scale: Scalar | float = 0.1,
    max_scale: Scalar | float = 10.0,
) -> Policy:
    r"""Raise the rate while the rolling loss sets new bests, lower it while it does not.

    GreedyLR. With m the mean of the last `window` losses and b the best m that was judged,

    .. math:: \text{good}_t = \text{good}_{t-1} + 1,\ \text{bad}_t = 0 \quad
              \text{if } m < b - \text{rtol} \cdot |b| - \text{atol}, \quad
              \text{else the reverse}

    More than `patience` good steps in a row divide the scale by `factor`, more than `patience`
    bad ones multiply it by `factor`; either way that count starts anew. A raise is followed by
    `warmup` steps, a reduction by `cooldown` steps, that only count down: nothing is judged and
    no best is set. After `reset` reductions that ended at `min_scale` without a raise in
    between, everything starts again at scale 1.

    Prefer it to `reduce_on_plateau` when the base rate may be too low: it climbs out of a rate
    that is a few times too small. What is known against it: a falling loss is no proof that
    the rate is too low, so it goes on raising until the loss suffers; a smaller rate
    flattens the loss, which lowers the rate again, down to the floor. The published study of
    its robustness adds noise to the value alone, which changes no gradient.

    Completions of the published rule: the window judges from the first loss on, with the mean
    of what it holds; relative thresholds stay right for negative losses; a loss that is NaN or
    infinite does not count as a step, and is counted apart.

    Args:
      factor: in (0, 1]. Default: the authors'.
      patience: good or bad steps in a row that are tolerated, at least 0. Default: the authors'.
      rtol: the part of the best mean's magnitude that a new best must exceed, in [0, 1].
        The authors' code has 1e-6 as an absolute amount, which is the same for a loss of 1;
        ``rtol=0.0, atol=1e-6`` gives theirs.
      atol: the amount that a new best must exceed, in units of the loss, at least 0.
      cooldown: steps after a reduction that are not judged, at least 0. Default: the authors'.
      warmup: steps after a raise that are not judged, at least 0. Default: the authors'.
      window: finite losses in the rolling mean, at least 1; sets the shape of the state.
        Default: the authors'.
      reset: reductions at the floor before everything starts again, at least 1. Default: the
        authors'.
      min_scale: the lowest scale, in [0, 1]. Default: the published floor, 10 % of the start.
      max_scale: the highest scale, at least 1. Our choice: as far above the start as the
        floor is below it.

    Returns:
      A policy whose scale starts at 1.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.greedy(factor=0.5, patience=1, window=1)
      >>> oa.policies.replay(policy, [4.0, 3.0, 2.0, 2.0, 2.0]).scale.tolist()
      [1.0, 2.0, 2.0, 2.0, 1.0]

    References:
      S. Subramanian, B. Krishnamoorthy, P. Murthy, Dynamic Learning Rate Scheduling based on
      Loss Changes Leads to Faster Convergence, arXiv:2512.14527; the authors' code is GreedyLR
      in the library transformers.
    """
    check_number("factor", factor, 0.0, 1.0, open_low=True)
    check_count("patience", patience)
    check_number("rtol", rtol, 0.0, 1.0)
    check_number("atol", atol, 0.0)
    check_count("cooldown", cooldown)
    check_count("warmup", warmup)
    check_count("reset", reset, 1)
    check_number("min_scale", min_scale, 0.0, 1.0)
    check_number("max_scale", max_scale, 1.0)
    rolling = rolling_mean(window)

    def init() -> GreedyState:
        return GreedyState(
            greedy_scale=jnp.ones((), jnp.float32),
            greedy_best=jnp.full((), jnp.inf, jnp.float32),
            greedy_first=jnp.full((), jnp.inf, jnp.float32),
            greedy_mean=jnp.full((), jnp.inf, jnp.float32),
            greedy_good=jnp.zeros((), jnp.int32),
            greedy_bad=jnp.zeros((), jnp.int32),
            greedy_cooldown_left=jnp.zeros((), jnp.int32),
            greedy_warmup_left=jnp.zeros((), jnp.int32),
            greedy_floor_hits=jnp.zeros((), jnp.int32),
            greedy_condition=jnp.array(Condition.LISTENING, jnp.int32),
            greedy_nonfinite_seen=jnp.zeros((), jnp.int32),
            greedy_window=rolling.init(),
        )

    def update(state: GreedyState, observation: Observation) -> tuple[GreedyState, Decision]:
        finite = jnp.isfinite(jnp.asarray(observation.value, jnp.float32))
        losses, latest = rolling.update(state.greedy_window, observation.value)
        cooling = finite & (state.greedy_cooldown_left > 0)
        warming = finite & (state.greedy_warmup_left > 0)
        judged = finite & ~cooling & ~warming
        improved = judged & improves(latest.mean, state.greedy_best, rtol, atol)
        worsened = judged & improves(-latest.mean, -state.greedy_best, rtol, atol)

        good = counted(state.greedy_good, improved)
        good = jnp.where(judged & ~improved, 0, good)
        bad = counted(state.greedy_bad, judged & ~improved)
        bad = jnp.where(improved, 0, bad)
        raising = improved & (good > jnp.asarray(patience))
        reducing = judged & ~improved & (bad > jnp.asarray(patience))
        step = jnp.asarray(factor, jnp.float32)
        scale = jnp.where(raising, state.greedy_scale / step, state.greedy_scale)
        scale = jnp.where(reducing, state.greedy_scale * step, scale)
        scale = bounded(scale, state.greedy_scale, min_scale, max_scale)
        at_floor = reducing & (scale <= jnp.asarray(min_scale, jnp.float32))
        floor_hits = counted(state.greedy_floor_hits, at_floor)
        floor_hits = jnp.where(raising, 0, floor_hits)

        found = jnp.where(judged, jnp.int32(Condition.FLAT), jnp.int32(Condition.STEADY))
        found = jnp.where(worsened, jnp.int32(Condition.RISING), found)
        found = jnp.where(improved, jnp.int32(Condition.DESCENDING), found)
        first = jnp.where(jnp.isinf(state.greedy_first), latest.mean, state.greedy_first)
        cooldown_left = state.greedy_cooldown_left - cooling.astype(jnp.int32)
        warmup_left = state.greedy_warmup_left - warming.astype(jnp.int32)
        advanced = GreedyState(
            greedy_scale=scale,
            greedy_best=jnp.where(improved, latest.mean, state.greedy_best),
            greedy_first=first,
            greedy_mean=latest.mean,
            greedy_good=jnp.where(raising, 0, good),
            greedy_bad=jnp.where(reducing, 0, bad),
            greedy_cooldown_left=jnp.where(
                reducing, jnp.asarray(cooldown, jnp.int32), cooldown_left
            ),
            greedy_warmup_left=jnp.where(raising, jnp.asarray(warmup, jnp.int32), warmup_left),
            greedy_floor_hits=floor_hits,
            greedy_condition=jnp.where(finite, found, state.greedy_condition),
            greedy_nonfinite_seen=counted(state.greedy_nonfinite_seen, ~finite),
            greedy_window=losses,
        )
        evidence = Evidence(
            value_mean=advanced.greedy_mean,
            progress=finite_difference(advanced.greedy_first, advanced.greedy_best),
        )
        starting_again = at_floor & (floor_hits >= jnp.asarray(reset))
        fresh = init()._replace(greedy_nonfinite_seen=advanced.greedy_nonfinite_seen)
        state = jax.tree.map(lambda new, old: jnp.where(starting_again, new, old), fresh, advanced)
        decision = Decision(
            scale=bounded(state.greedy_scale, state.greedy_scale, min_scale, max_scale),
            condition=jnp.where(finite, state.greedy_condition, jnp.int32(Condition.NONFINITE)),
            evidence=evidence,
        )
        return state, decision

    return Policy(init, update)
