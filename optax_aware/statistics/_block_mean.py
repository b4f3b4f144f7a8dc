"""Means over consecutive blocks of a stream."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_count
from optax_aware._types import Scalar
from optax_aware.statistics._statistic import Statistic


class BlockMeanState(NamedTuple):
    """What is kept of the block that is being filled.

    Attributes:
      block_seen: how many finite values the block holds so far, int32.
      block_origin: the first of them, from which deviations are measured, float32.
      block_deviation: half of the mean deviation from the origin, float32.
      block_squares: a quarter of the sum of squared deviations from the mean, float32.
    """

    block_seen: jax.Array
    block_origin: jax.Array
    block_deviation: jax.Array
    block_squares: jax.Array


class BlockMean(NamedTuple):
    """What one block says, at the value that completes it.

    Attributes:
      mean: the mean of the block; NaN at a value that completes none, float32.
      standard_error: of that mean, for independent values; infinite for a block of one
        value, and where the squares exceed float32; float32.
      complete: whether this value completed a block, bool.
    """

    mean: jax.Array
    standard_error: jax.Array
    complete: jax.Array


def block_mean(window: Scalar | int) -> Statistic:
    r"""Take the mean of each block of `window` consecutive finite values.

    Blocks do not overlap, so their means are independent where the values are, and the
    state is four scalars however long the block: `window` may be traced.

    Deviations from the first value of the block are averaged by Welford's update, so a
    large common offset costs no precision; they are halved, so that no difference of two
    finite values overflows.

    .. math:: \bar d_n = \bar d_{n-1} + (d_n - \bar d_{n-1}) / n, \quad d_n = x_n - x_1

    Args:
      window: values a block, at least 1.

    Returns:
      A statistic whose estimates are `BlockMean`.

    Raises:
      ValueError: if `window` is not a whole number of at least 1.

    Example:
      >>> from optax_aware import statistics
      >>> statistic = statistics.block_mean(2)
      >>> state = statistic.init()
      >>> for value in (1.0, 3.0):
      ...     state, estimate = statistic.update(state, value)
      >>> float(estimate.mean), float(estimate.standard_error), bool(estimate.complete)
      (2.0, 1.0, True)

    References:
      B. P. Welford, Note on a method for calculating corrected sums of squares and
      products, Technometrics 4 (1962), doi:10.1080/00401706.1962.10490022
    """
    check_count("window", window, 1)

    def init() -> BlockMeanState:
        return BlockMeanState(
            block_seen=jnp.zeros((), jnp.int32),
            block_origin=jnp.zeros((), jnp.float32),
            block_deviation=jnp.zeros((), jnp.float32),
            block_squares=jnp.zeros((), jnp.float32),
        )

    def update(state: BlockMeanState, value: Scalar) -> tuple[BlockMeanState, BlockMean]:
        value = jnp.asarray(value, jnp.float32)
        finite = jnp.isfinite(value)
        value = jnp.where(finite, value, 0.0)
        seen = state.block_seen + 1
        origin = jnp.where(seen == 1, value, state.block_origin)
        half = 0.5 * value - 0.5 * origin
        change = half - state.block_deviation
        deviation = state.block_deviation + change / seen.astype(jnp.float32)
        squares = state.block_squares + change * (half - deviation)

        mean = jnp.where(deviation == 0.0, origin, 2.0 * (0.5 * origin + deviation))
        pairs = seen.astype(jnp.float32) * jnp.maximum(seen - 1, 1).astype(jnp.float32)
        error = jnp.where(seen == 1, jnp.inf, 2.0 * jnp.sqrt(squares / pairs))

        complete = finite & (seen >= jnp.asarray(window))
        filled = BlockMeanState(seen, origin, deviation, squares)
        advanced = jax.tree.map(lambda new, empty: jnp.where(complete, empty, new), filled, init())
        state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), advanced, state)
        estimate = BlockMean(
            mean=jnp.where(complete, mean, jnp.nan),
            standard_error=jnp.where(complete, error, jnp.nan),
            complete=complete,
        )
        return state, estimate

    return Statistic(init, update)
