"""Where the rate is looked for: a start below the noise, and a ramp until it overshoots."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._types import Observation, Scalar
from optax_aware.policies._scale import bounded, chosen
from optax_aware.statistics import UpwardChangeState, upward_change

LARGEST_RATE = 1e30
"""Far beyond any use, and its products with ordinary numbers are finite in float32."""

START_NOISE = 0.3
"""The first step promises this part of the standard deviation of the loss."""

START_LENGTH = 1e-4
"""... and where there is no noise, it moves the parameters by this part of their length."""

START_VALUE = 1e-3
"""... and where they are zero as well, it promises this part of the loss."""

START_REACH = 0.1
"""The first step is never longer than this part of the length of the parameters."""

GUESS_FACTOR = 3.0
"""A guess may shorten the ramp by up to this factor: not more, because it may be wrong."""

ALIGNMENT_DECAY = 0.8
"""Of the smoothed slopes: a memory of five steps, as short as the noise allows in a ramp."""

CLARITY = 1.5
LEAST_CLARITY = 0.2
"""Slopes whose mean is below 1 / CLARITY of their root mean square slow the ramp down, as noise
needs more of them to be seen through, to this part at the least."""


class SearchState(NamedTuple):
    """What is remembered of the slopes along the last updates.

    Attributes:
      search_start: the rate of the first update, float32.
      search_ceiling: what the rate may not exceed, float32.
      search_turn: the rate at which the slope was last on the descending side, float32.
      search_slope: smoothed slope along the last update, after it, float32.
      search_promise: smoothed slope along it, before it, float32.
      search_change: the evidence that the slope has turned upward.
    """

    search_start: jax.Array
    search_ceiling: jax.Array
    search_turn: jax.Array
    search_slope: jax.Array
    search_promise: jax.Array
    search_change: UpwardChangeState


class SlopeView(NamedTuple):
    """What the last updates did: relative overshoot, how clearly, and whether the slope turned."""

    known: jax.Array
    overshoot: jax.Array
    clarity: jax.Array
    turned: jax.Array
    descending: jax.Array


def first_search() -> SearchState:
    """Return the state before the first value."""
    return SearchState(
        search_start=jnp.zeros((), jnp.float32),
        search_ceiling=jnp.array(LARGEST_RATE, jnp.float32),
        search_turn=jnp.zeros((), jnp.float32),
        search_slope=jnp.zeros((), jnp.float32),
        search_promise=jnp.zeros((), jnp.float32),
        search_change=upward_change().init(),
    )


def start_rate(observation: Observation, mean: jax.Array, deviation: jax.Array) -> jax.Array:
    """Return a rate whose first step is lost in the noise; NaN where nothing was measured.

    It is 0 where there is no direction to go, or none that float32 can measure. In the units
    of the problem it is what it has to be for decisions that do not depend on the offset and
    the scale of the loss, nor on those of the parameters.
    """
    slope = jnp.abs(jnp.asarray(observation.gradient_dot_direction, jnp.float32))
    direction = jnp.asarray(observation.direction_norm, jnp.float32)
    length = jnp.asarray(observation.params_norm, jnp.float32)
    by_noise = _quotient(START_NOISE * deviation, slope)
    by_length = _quotient(START_LENGTH * length, direction)
    rate = jnp.maximum(by_noise, by_length)
    reach = _quotient(START_REACH * length, direction)
    rate = jnp.where(reach > 0.0, jnp.minimum(rate, reach), rate)
    rate = jnp.where(rate > 0.0, rate, _quotient(START_VALUE * jnp.abs(mean), slope))
    guess = jnp.asarray(observation.guess, jnp.float32)
    guess = jnp.where(jnp.isfinite(guess), guess, 0.0)
    rate = jnp.clip(guess, rate, GUESS_FACTOR * rate)
    # A measure that has overflowed gives no rate, which is not the same as none being taken.
    unmeasured = jnp.isnan(slope) & jnp.isnan(direction) & jnp.isnan(length)
    return jnp.where(unmeasured, jnp.nan, jnp.minimum(rate, LARGEST_RATE))


def watch_slope(
    state: SearchState, observation: Observation, watching: jax.Array, threshold: Scalar | float
) -> tuple[SearchState, SlopeView]:
    """Take in the slope along the last update, where there is one and it is to be believed."""
    slope = jnp.asarray(observation.gradient_dot_update, jnp.float32)
    promise = jnp.asarray(observation.previous_gradient_dot_update, jnp.float32)
    known = watching & jnp.isfinite(slope) & jnp.isfinite(promise) & (promise != 0.0)
    slope, promise = jnp.where(known, slope, 0.0), jnp.where(known, promise, 0.0)
    change, found = upward_change(threshold).update(state.search_change, slope)
    advanced = state._replace(
        search_slope=_smoothed(state.search_slope, slope),
        search_promise=_smoothed(state.search_promise, promise),
        search_change=change,
    )
    state = chosen(known, advanced, state)
    promised = -state.search_promise
    overshoot = state.search_slope / jnp.where(promised > 0.0, promised, 1.0)
    overshoot = jnp.where(promised > 0.0, jnp.clip(overshoot, -1.0, 10.0), 0.0)
    size = state.search_change.upward_size
    clarity = jnp.abs(state.search_slope) / jnp.where(size > 0.0, size, 1.0)
    view = SlopeView(
        known=known,
        overshoot=overshoot,
        clarity=jnp.where(size > 0.0, clarity, 1.0),
        turned=known & found.alarm,
        descending=known & (found.score == 0.0),
    )
    return state, view


def forget_slopes(state: SearchState, rate: jax.Array) -> SearchState:
    """Return the state after the parameters or the data have jumped."""
    fresh = first_search()
    return fresh._replace(
        search_start=state.search_start, search_ceiling=state.search_ceiling, search_turn=rate
    )


def ramped(
    rate: jax.Array,
    slope: SlopeView,
    ceiling: jax.Array,
    growth: Scalar | float,
    boost: Scalar | float,
) -> jax.Array:
    """Return the next rate of the ramp: faster while new gradients agree with the last update."""
    alignment = jnp.clip(-slope.overshoot, 0.0, 1.0)
    unhurried = jnp.clip(CLARITY * slope.clarity, LEAST_CLARITY, 1.0)
    growing = jnp.asarray(growth, jnp.float32) * unhurried
    speed = growing + jnp.asarray(boost, jnp.float32) * alignment**2
    return bounded(rate * jnp.exp(speed), rate, 0.0, ceiling)


def _smoothed(mean: jax.Array, new: jax.Array) -> jax.Array:
    return ALIGNMENT_DECAY * mean + (1.0 - ALIGNMENT_DECAY) * new


def _quotient(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    positive = denominator > 0.0
    quotient = numerator / jnp.where(positive, denominator, 1.0)
    return jnp.where(positive & jnp.isfinite(quotient), quotient, 0.0)
