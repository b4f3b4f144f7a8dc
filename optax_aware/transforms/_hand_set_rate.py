"""What a rate set by hand does to the rate of schedule and policy."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

NO_REQUEST = -1.0


class HandSetRate(NamedTuple):
    """A rate that a person has asked for, before and after it was first used.

    Attributes:
      request: the rate that waits for the next update, or -1.
      factor: what the last such rate made of base rate times scale.
      ceiling: the last such rate, which the factor may not carry the rate beyond.
    """

    request: jax.Array
    factor: jax.Array
    ceiling: jax.Array


def nothing_set() -> HandSetRate:
    """Return the state in which schedule and policy alone give the rate."""
    return HandSetRate(jnp.float32(NO_REQUEST), jnp.float32(1.0), jnp.float32(0.0))


def follow(hand_set: HandSetRate, scaled_rate: jax.Array) -> tuple[jax.Array, HandSetRate]:
    """Return the rate of this update, ``scaled_rate`` being that of schedule and policy.

    A request is used as it is and becomes a factor; it waits while there is nothing that a
    factor could act on. A factor set low in a warmup would grow beyond bounds with it, so
    it lifts the rate no higher than the request, or than schedule and policy go themselves.
    """
    request, factor, ceiling = hand_set
    usable = jnp.abs(scaled_rate) > 0.0
    wanted = request / jnp.where(usable, scaled_rate, 1.0)
    granted = (request >= 0.0) & usable & jnp.isfinite(wanted)
    factor = jnp.where(granted, wanted, factor)
    ceiling = jnp.where(granted, request, ceiling)
    rate = jnp.minimum(scaled_rate * factor, jnp.maximum(ceiling, scaled_rate))
    left = jnp.where(granted, jnp.float32(NO_REQUEST), request)
    return jnp.where(granted, request, rate), HandSetRate(left, factor, ceiling)
