"""Cosine decay with warm restarts."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_number
from optax_aware.schedules._growth import growth
from optax_aware.schedules._shapes import mean, weights
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    divide,
    gap,
    multiply,
    progress,
    read_number,
    read_steps,
    schedule_of,
    split,
    to_float,
)

_EXACT = np.float32(2**24)  # below it a float32 tells every whole number from the next
_UINT32_TOP = np.uint32(2**32 - 1)
# Its square, by which the third cycle is found, is the largest power that `growth` returns, and
# the second cycle is longer than any training.
_LARGEST_FACTOR = math.exp(30.0)


def _excess(period_factor: Number) -> jax.Array:
    """Return period_factor - 1, for a Python float with digits that float32 would drop."""
    if isinstance(period_factor, jax.Array):
        return read_number(period_factor, 1.0, _LARGEST_FACTOR) - 1
    return read_number(float(period_factor) - 1.0, 0.0, _LARGEST_FACTOR)


def _starts(
    index: jax.Array, period: jax.Array, period_factor: Number
) -> tuple[jax.Array, jax.Array]:
    """Return the first steps of some cycles, split into whole steps and the rest."""
    excess, count = _excess(period_factor), to_float(index)
    equal, one = excess == 0, np.float32(1)
    raised = growth(period_factor, count, low=1.0, high=_LARGEST_FACTOR)
    # Not every device's power of two whole numbers is a whole number.
    is_whole = (raised < _EXACT) & (jnp.floor(excess) == excess)
    rounding = jnp.where(is_whole, jnp.round(raised) - raised, 0)
    raised = raised + jax.lax.stop_gradient(rounding)
    # (f**n - 1) / (f - 1), where f**n is near 1, and where f is 1 with its first derivative.
    safe_excess = jnp.where(equal, one, excess)
    exponent = jnp.minimum(count * jnp.log1p(safe_excess), one)
    cycles = jnp.where(raised > 2, raised - 1, jnp.expm1(exponent)) / safe_excess
    cycles = jnp.where(equal, count + count * (count - 1) / 2 * excess, cycles)
    start = period * cycles
    # So many first cycles, where that is a whole number, can be told in steps exactly.
    known = equal | ((jnp.floor(cycles) == cycles) & (cycles < _EXACT))
    multiple = jnp.where(equal, index, cycles.astype(jnp.uint32))
    known &= multiple <= _UINT32_TOP // jnp.maximum(split(period)[0], np.uint32(1))
    (known_whole, known_part), (whole, part) = multiply(multiple, period), split(start)
    stop = jax.lax.stop_gradient
    known_part = stop(known_part) + (start - stop(start))
    return jnp.where(known, known_whole, whole), jnp.where(known, known_part, part)


def _find_cycle(
    step: jax.Array, period: jax.Array, period_factor: Number
) -> tuple[jax.Array, jax.Array]:
    """Return how many cycles are over, and the steps since then.

    The number of cycles follows from the step by a logarithm, whose rounding may miss a
    boundary by one cycle; the starts of the cycles around it decide.
    """
    excess, time = _excess(period_factor), to_float(step)
    equal = excess == 0
    safe_excess = jnp.where(equal, np.float32(1), excess)
    guess = jnp.log1p(time * safe_excess / period) / jnp.log1p(safe_excess)
    guess = jax.lax.stop_gradient(jnp.minimum(guess, np.float32(2**31)))
    guess = jnp.where(equal, divide(step, period)[0], guess.astype(jnp.uint32))
    index = jnp.maximum(guess, np.uint32(1)) - np.uint32(1)
    next_two = jnp.arange(3, dtype=jnp.uint32).reshape((1,) * index.ndim + (3,))
    candidates = index[..., None] + next_two
    whole, part = split(step)
    since = gap((whole[..., None], part[..., None]), _starts(candidates, period, period_factor))
    # Cycles of 10, 11 and 12.1 steps restart at 21, also where float32 makes it 21.000002.
    slack = jnp.minimum(time * np.float32(1e-6), np.float32(1e-2))
    started = since >= -slack[..., None]
    over = jnp.sum(started[..., 1:], axis=-1, dtype=jnp.uint32)
    since = jnp.where(
        started[..., 2], since[..., 2], jnp.where(started[..., 1], since[..., 1], since[..., 0])
    )
    return index + over, jnp.where(since > 0, since, np.float32(0))


def cosine_restarts(
    init_value: Number,
    period: Number,
    period_factor: Number = 1.0,
    peak_factor: Number = 1.0,
    end_value: Number = 0.0,
) -> Schedule:
    r"""Repeat the cosine decay for ever, each time from a peak.

    Every restart leaves the minimum that was found and gives another chance to a wider one;
    the parameters at the end of each cycle are good ones to keep or to average. Prefer it
    where the run has no known end: with a ``period_factor`` of 2 the end of a cycle is
    never far in relation to the steps already made.

    Cycle n starts at step P (fⁿ − 1) / (f − 1) and is P fⁿ steps long:

    .. math::
       \eta_t = \eta_T + \frac{\eta_0 - \eta_T}{2}\,g^n
                \left(1 + \cos\frac{\pi\,t_n}{P f^n}\right)

    where tₙ is the number of steps since the start of the cycle. The first step of a cycle
    is at its peak; the end value itself is approached and never held for a step, unless a
    cycle does not end at a whole step. Whole cycles begin exactly at their steps for as long
    as fewer than 2²⁴ first cycles have passed; cycles of broken length lose their phase as
    float32 does, by a hundredth of a step per 10⁵ steps.

    Args:
      init_value: the first peak, η₀, at least 0.
      period: steps in the first cycle, P, above 0. A traced period that is 0 gives
        ``end_value``.
      period_factor: how much longer each cycle is than the last, f, at least 1 (T_mult).
      peak_factor: how much of its height above ``end_value`` each peak keeps of the last,
        g, from 0 to 1.
      end_value: the rate at the end of each cycle, η_T, at least 0.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is not finite or outside of its range.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.cosine_restarts(0.4, 10, period_factor=2.0, peak_factor=0.5)
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30, 50)]
      [0.4, 0.2, 0.2, 0.1, 0.1, 0.05]

    References:
      I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
      2017, arXiv:1608.03983 (equation 5).
    """
    check_number("init_value", init_value, 0.0)
    check_number("period", period, 0.0, open_low=True)
    check_number("period_factor", period_factor, 1.0)
    check_number("peak_factor", peak_factor, 0.0, 1.0)
    check_number("end_value", end_value, 0.0)

    def rate(time: jax.Array) -> jax.Array:
        first = to_float(read_steps(period))
        positive = first > 0
        first = jnp.where(positive, first, np.float32(1))
        index, since = _find_cycle(time, first, period_factor)
        factor = growth(period_factor, to_float(index), low=1.0, high=_LARGEST_FACTOR)
        length = first * factor
        start_weight, end_weight = weights("cosine", *progress(since, length))
        low = read_number(end_value, 0.0)
        height = growth(peak_factor, to_float(index), high=1.0)
        peak = mean(low, read_number(init_value, 0.0), 1 - height, height)
        rate = mean(peak, low, start_weight, end_weight)
        return jnp.where(positive, rate, low)

    return schedule_of(rate)
