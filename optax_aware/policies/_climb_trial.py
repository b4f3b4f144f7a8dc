"""Who is to blame for a climb of the loss: values at the snapshot tell parameters from data."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

TRIAL_LEAST = 5
TRIAL_STEPS = 50
"""How many values are heard, at least and at most."""

TRIAL_ERRORS = 2.0
"""Standard errors that decide; where they never do, the parameters are to blame."""

MEAN_ERROR = 1.2533
"""Standard deviation over mean absolute deviation, Gaussian noise."""


class TrialState(NamedTuple):
    """What is remembered of the values since a rewind.

    Attributes:
      trial_left: how many may still be heard, 0 where there is no trial, int32.
      trial_mean: the mean of those that were, float32.
      trial_level: what it must be above for the data to have climbed, float32.
    """

    trial_left: jax.Array
    trial_mean: jax.Array
    trial_level: jax.Array


def first_trial() -> TrialState:
    """Return the state without a trial."""
    return TrialState(
        jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32), jnp.zeros((), jnp.float32)
    )


def opened(lowest: jax.Array, climbed_to: jax.Array) -> TrialState:
    """Return the state after a rewind for a climb from one level to another."""
    return TrialState(
        jnp.int32(TRIAL_STEPS), jnp.float32(0.0), 0.5 * (lowest + climbed_to).astype(jnp.float32)
    )


def hear_witness(
    state: TrialState, value: jax.Array, believed: jax.Array, deviation: jax.Array
) -> tuple[TrialState, jax.Array]:
    """Take in a value if there is a trial, and return whether it acquits the parameters."""
    heard = believed & (state.trial_left > 0)
    number = jnp.maximum((TRIAL_STEPS + 1 - state.trial_left).astype(jnp.float32), 1.0)
    mean = state.trial_mean + jnp.where(heard, (value - state.trial_mean) / number, 0.0)
    distance = mean - state.trial_level
    error = MEAN_ERROR * deviation / jnp.sqrt(number)
    certain = heard & (number >= TRIAL_LEAST) & (jnp.abs(distance) > TRIAL_ERRORS * error)
    left = jnp.where(certain, 0, state.trial_left - heard.astype(jnp.int32))
    return TrialState(left, mean, state.trial_level), certain & (distance > 0.0)
