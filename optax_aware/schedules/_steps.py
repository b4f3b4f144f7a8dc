"""Counting steps exactly: how every schedule reads a step and the length of a phase.

A float32 has 24 bits, so above 16.7 million it cannot tell a step from the next one.
Steps and lengths that are integers are therefore compared and subtracted as integers, and
become floats only once they are counted from the boundary that matters.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

Number = float | np.number | np.ndarray | jax.Array
"""A real number, known or traced."""

Schedule = Callable[[ArrayLike], jax.Array]
"""Maps a step, or an array of steps, to float32 rates of the same shape."""

AnySchedule = Callable[[Any], ArrayLike]
"""A schedule from anywhere: whatever it returns is read as float32."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest finite float32."""

_UINT32_TOP = 2**32 - 1
_FLOAT32_BELOW_UINT32_TOP = np.float32(2**32 - 256)
_FARTHEST = 2.0**63  # finite, and far enough for a float step that is infinite


def _read_known(count: np.ndarray) -> jax.Array:
    """Read numbers that are known before tracing, in the smallest type that is exact."""
    if count.dtype.kind not in "iu":
        count = np.nan_to_num(count.astype(np.float64), posinf=_FARTHEST)
        if np.any(count != np.floor(count)) or np.any(count > _UINT32_TOP):
            return jnp.asarray(np.clip(count, 0.0, _FARTHEST), jnp.float32)
    top = count.max(initial=0)
    if top > _UINT32_TOP:
        return jnp.asarray(np.maximum(count, 0), jnp.float32)
    return jnp.asarray(np.maximum(count, 0).astype(np.int32 if top < 2**31 else np.uint32))


def read_steps(count: ArrayLike) -> jax.Array:
    """Read a number of steps as int32, uint32 or float32; what is negative or NaN is 0."""
    if not isinstance(count, jax.Array):
        return _read_known(np.asarray(count))
    if jnp.issubdtype(count.dtype, jnp.floating):
        count = count.astype(jnp.float32)
        return jnp.where(count > 0, jnp.minimum(count, np.float32(_FARTHEST)), np.float32(0))
    if count.dtype.itemsize == 8:
        return jnp.clip(count, 0, _UINT32_TOP).astype(jnp.uint32)
    if jnp.issubdtype(count.dtype, jnp.unsignedinteger):
        return count.astype(jnp.uint32)
    return jnp.maximum(count.astype(jnp.int32), 0)


def bounded(value: jax.Array, low: float = -LARGEST, high: float = LARGEST) -> jax.Array:
    """Move what is outside of a range to its nearer end; NaN stays NaN."""
    # jnp.clip would halve the gradient of a number that stands exactly on its limit.
    value = jnp.where(value < low, np.float32(low), value)
    return jnp.where(value > high, np.float32(high), value)


def read_number(number: Number, low: float = -math.inf, high: float = math.inf) -> jax.Array:
    """Read a number as float32; one that `check_number` would refuse as the nearest allowed.

    NaN is near to no number: it reads as the lower bound, and as 0 where there is none.
    """
    lowest, highest = max(low, -LARGEST), min(high, LARGEST)
    if not isinstance(number, jax.Array):
        return jnp.asarray(min(max(float(number), lowest), highest), jnp.float32)
    value = bounded(number.astype(jnp.float32), lowest, highest)
    return jnp.where(jnp.isnan(value), np.float32(low if math.isfinite(low) else 0), value)


def as_rate(rate: ArrayLike, step: jax.Array) -> jax.Array:
    """Return the rate as float32 without weak type, in the shape of the step."""
    return jnp.broadcast_to(jnp.asarray(rate, jnp.float32), jnp.shape(step))


# Compiled where a combinator calls them outside of `jax.jit`, written out inside of it.
_compiled = partial(jax.jit, inline=True)


def schedule_of(rate: Callable[[jax.Array], jax.Array]) -> Schedule:
    """Make a schedule of a function that maps steps as `read_steps` reads them to rates.

    It is compiled as a whole, so that a call outside of `jax.jit`, to log a rate or to draw
    a picture, is one computation in place of some dozens. A rate that overflows is the
    largest float32.
    """
    compiled = jax.jit(lambda time: bounded(rate(time)))

    def schedule(step: ArrayLike) -> jax.Array:
        time = read_steps(step)
        return as_rate(compiled(time), time)

    return schedule


def is_integer(count: jax.Array) -> bool:
    """Tell whether a number of steps is held as an integer."""
    return jnp.issubdtype(count.dtype, jnp.integer)


def to_float(count: jax.Array) -> jax.Array:
    """Return a number of steps as float32."""
    return count.astype(jnp.float32)


def split(count: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Split a number of steps into whole steps (uint32) and the rest (float32), exactly.

    The rest is below 1, but for numbers past what uint32 can hold. The gradient flows
    through the rest.
    """
    if is_integer(count):
        return count.astype(jnp.uint32), jnp.zeros(count.shape, jnp.float32)
    whole = jnp.minimum(jnp.floor(count), _FLOAT32_BELOW_UINT32_TOP)
    whole = jax.lax.stop_gradient(whole)
    return whole.astype(jnp.uint32), count - whole


def gap(minuend: tuple[jax.Array, jax.Array], subtrahend: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Return the difference of two split numbers in float32, with the right sign."""
    (whole, part), (other_whole, other_part) = minuend, subtrahend
    forward = to_float(whole - other_whole)
    backward = to_float(other_whole - whole)
    return jnp.where(whole >= other_whole, forward, -backward) + (part - other_part)


@_compiled
def difference(minuend: jax.Array, subtrahend: jax.Array) -> jax.Array:
    """Return minuend - subtrahend in float32, with the right sign."""
    if is_integer(minuend) or is_integer(subtrahend):
        return gap(split(minuend), split(subtrahend))
    return minuend - subtrahend


def total(first: jax.Array, second: jax.Array) -> jax.Array:
    """Return the sum of two numbers of steps, exactly where both are integers."""
    if not (is_integer(first) and is_integer(second)):
        return to_float(first) + to_float(second)
    whole = first.astype(jnp.uint32) + second.astype(jnp.uint32)
    overflow = whole < first.astype(jnp.uint32)
    return jnp.where(overflow, np.uint32(_UINT32_TOP), whole)


@_compiled
def elapsed(step: jax.Array, start: jax.Array) -> jax.Array:
    """Return the step counted from ``start``, 0 before it, in the step's type if it can be."""
    if is_integer(step) and is_integer(start):
        whole, start_whole = step.astype(jnp.uint32), start.astype(jnp.uint32)
        passed = jnp.where(whole > start_whole, whole - start_whole, np.uint32(0))
        return passed.astype(step.dtype)
    passed = difference(step, start)
    return jnp.where(passed > 0, passed, np.float32(0))


@_compiled
def segment(step: jax.Array, start: jax.Array, stop: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return which part of the way from ``start`` to ``stop`` is done, and which is left.

    Both are in [0, 1], and each is accurate where it is small. A way of no length is done
    as soon as it starts.
    """
    passed, remaining = difference(step, start), difference(stop, step)
    zero, one = np.float32(0), np.float32(1)
    started = passed >= 0
    inside = started & (remaining > 0)
    # What is outside never enters the division: its gradient would not be finite.
    length = jnp.where(inside, difference(stop, start), one)
    done = jnp.where(inside, passed / length, jnp.where(started, one, zero))
    left = jnp.where(inside, remaining / length, jnp.where(started, zero, one))
    return done, left


def progress(step: jax.Array, duration: Number) -> tuple[jax.Array, jax.Array]:
    """Return which part of a phase that begins at step 0 is done, and which is left."""
    stop = read_steps(duration)
    return segment(step, jnp.zeros((), jnp.int32), stop)


def multiply(count: jax.Array, period: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return a number of periods (uint32) in steps, split, without rounding whole steps."""
    whole, part = split(period)
    carried, rest = split(to_float(count) * part)
    return count * whole + carried, rest


@_compiled
def divide(step: jax.Array, period: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the number of whole periods before a step (uint32), and the steps since then.

    A period of no length counts as one step; the caller decides what that means.
    """
    step_whole, step_part = split(step)
    period_whole, period_part = split(period)
    divisor = jnp.maximum(period_whole, np.uint32(1))
    quotient = step_whole // divisor
    rest = step_whole - quotient * divisor
    if is_integer(step) and is_integer(period):
        return quotient, rest
    # A float that is a whole number is divided as one, so that a sweep over float periods
    # gives what each period gives alone; only a broken period needs float arithmetic.
    time, broken = to_float(step), period_part > 0
    length = jnp.where(period > 0, to_float(period), np.float32(1))
    count = jnp.minimum(jnp.floor(time / length), _FLOAT32_BELOW_UINT32_TOP).astype(jnp.uint32)
    over = gap((step_whole, step_part), multiply(count, period))
    count = count + (over >= length).astype(jnp.uint32) - (over < 0).astype(jnp.uint32)
    over = gap((step_whole, step_part), multiply(count, period))
    quotient = jnp.where(broken, count, quotient)
    remainder = jnp.where(broken, jnp.maximum(over, 0), to_float(rest) + step_part)
    # The value is exact already; these terms are zero and carry the gradient.
    stop = jax.lax.stop_gradient
    drift = to_float(quotient) * (length - stop(length))
    return quotient, stop(remainder) + (time - stop(time)) - drift


def ratio(step: jax.Array, duration: jax.Array, staircase: bool = False) -> jax.Array:
    """Return step / duration as float32, rounded down if ``staircase``.

    A duration of no length counts as one step; the caller decides what that means.
    """
    if staircase:
        return to_float(divide(step, duration)[0])
    return to_float(step) / jnp.where(duration > 0, to_float(duration), np.float32(1))
