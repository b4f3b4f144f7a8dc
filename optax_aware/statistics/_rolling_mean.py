"""The mean of the latest values of a stream."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_integer
from optax_aware._numbers import counted
from optax_aware._types import Scalar
from optax_aware.statistics._statistic import Statistic


class RollingMeanState(NamedTuple):
    """The latest finite values.

    Attributes:
      rolling_values: a ring of the latest values, float32 of shape (window,).
      rolling_filled: how many of its places are in use, int32.
      rolling_slot: the place of the next value, int32.
    """

    rolling_values: jax.Array
    rolling_filled: jax.Array
    rolling_slot: jax.Array


class RollingMean(NamedTuple):
    """The mean of the ring.

    Attributes:
      mean: of the values in the ring; infinite before the first one, float32.
      full: whether the ring holds `window` values, bool.
    """

    mean: jax.Array
    full: jax.Array


def rolling_mean(window: int) -> Statistic:
    r"""Take the mean of the latest `window` finite values, at every value.

    The ring is summed afresh each time: a running sum would keep the rounding error of
    every value that ever passed through it. The deviations from the newest value are
    scaled by a power of two before they are summed, which is exact and cannot overflow.

    .. math:: \bar x_t = x_t + \frac{1}{n} \sum_{s = t - n + 1}^{t} (x_s - x_t)

    Args:
      window: values in the ring, at least 1; sets the shape of the state.

    Returns:
      A statistic whose estimates are `RollingMean`.

    Raises:
      ValueError: if `window` is not an integer of at least 1.

    Example:
      >>> from optax_aware import statistics
      >>> statistic = statistics.rolling_mean(2)
      >>> state = statistic.init()
      >>> for value in (1.0, 3.0, 5.0):
      ...     state, estimate = statistic.update(state, value)
      >>> float(estimate.mean), bool(estimate.full)
      (4.0, True)
    """
    check_integer("window", window, 1)
    window = int(window)
    # Halved once more, because a difference of two values may be twice the largest float.
    factor = 2.0 ** -(math.ceil(math.log2(window)) + 1)

    def init() -> RollingMeanState:
        return RollingMeanState(
            rolling_values=jnp.zeros((window,), jnp.float32),
            rolling_filled=jnp.zeros((), jnp.int32),
            rolling_slot=jnp.zeros((), jnp.int32),
        )

    def update(state: RollingMeanState, value: Scalar) -> tuple[RollingMeanState, RollingMean]:
        value = jnp.asarray(value, jnp.float32)
        finite = jnp.isfinite(value)
        places = jnp.arange(window, dtype=jnp.int32)
        written = finite & (places == state.rolling_slot)
        values = jnp.where(written, value, state.rolling_values)
        filled = jnp.minimum(counted(state.rolling_filled, finite), window)
        slot = jnp.where(finite, (state.rolling_slot + 1) % window, state.rolling_slot)

        newest = values[(slot - 1) % window]
        deviations = jnp.where(places < filled, factor * values - factor * newest, 0.0)
        mean_deviation = jnp.sum(deviations) / jnp.maximum(filled, 1).astype(jnp.float32)
        scaled_mean = factor * newest + mean_deviation
        mean = jnp.where(mean_deviation == 0.0, newest, scaled_mean / factor)
        estimate = RollingMean(
            mean=jnp.where(filled == 0, jnp.inf, mean),
            full=filled == window,
        )
        return RollingMeanState(values, filled, slot), estimate

    return Statistic(init, update)
