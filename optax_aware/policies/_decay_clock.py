"""A scale that decays on a clock and is raised at times."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import SMALLEST_NORMAL, counted
from optax_aware._types import Scalar
from optax_aware.policies._scale import bounded


class DecayClockState(NamedTuple):
    """The two parts of the scale.

    Attributes:
      clock_log_level: the logarithm of all raises together, float32.
      clock_ticks: how many steps have been steps of decay, int32.
    """

    clock_log_level: jax.Array
    clock_ticks: jax.Array


class DecayClock(NamedTuple):
    r"""The scale :math:`\exp(\ell) (1 + n/s)^{-p}` within bounds.

    :math:`\ell` is the level, which raises alone change, and n the steps of decay. The decay
    is a function of n and is never multiplied onto itself, so it stays an inverse power
    however often it is held up. Everything is kept as a logarithm, within the bounds: a raise
    starts from the scale that was in force and not from where the formula would be.

    Attributes:
      power: p, float32.
      timescale: s in steps, float32.
      min_scale: the lowest scale; zero means the smallest normal float32.
      max_scale: the highest scale.
    """

    power: Scalar | float
    timescale: Scalar | float
    min_scale: Scalar | float
    max_scale: Scalar | float

    def init(self) -> DecayClockState:
        """Return the clock before its first tick, at scale 1."""
        return DecayClockState(
            clock_log_level=jnp.zeros((), jnp.float32), clock_ticks=jnp.zeros((), jnp.int32)
        )

    def _log_decay(self, state: DecayClockState) -> jax.Array:
        time = state.clock_ticks.astype(jnp.float32) / jnp.asarray(self.timescale, jnp.float32)
        return -jnp.asarray(self.power, jnp.float32) * jnp.log1p(time)

    def _log_scale(self, state: DecayClockState, raised_by: jax.Array | float = 0.0) -> jax.Array:
        low = jnp.log(jnp.maximum(jnp.asarray(self.min_scale, jnp.float32), SMALLEST_NORMAL))
        high = jnp.log(jnp.asarray(self.max_scale, jnp.float32))
        log_scale = jnp.clip(state.clock_log_level + self._log_decay(state), low, high)
        return jnp.minimum(log_scale + raised_by, high)

    def raise_by(
        self, state: DecayClockState, raising: jax.Array, log_factor: jax.Array
    ) -> DecayClockState:
        """Multiply the scale in force by ``exp(log_factor)`` where ``raising``."""
        level = self._log_scale(state, log_factor) - self._log_decay(state)
        return state._replace(clock_log_level=jnp.where(raising, level, state.clock_log_level))

    def tick(self, state: DecayClockState, ticking: jax.Array) -> DecayClockState:
        """Let one step of decay pass where ``ticking``."""
        return state._replace(clock_ticks=counted(state.clock_ticks, ticking))

    def scale(self, state: DecayClockState) -> jax.Array:
        """Return the scale, float32."""
        scale = jnp.exp(self._log_scale(state))
        return bounded(scale, jnp.ones((), jnp.float32), self.min_scale, self.max_scale)
