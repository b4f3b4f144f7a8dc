"""The logarithm of the ratio of two successive block means."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import SMALLEST_NORMAL
from optax_aware._types import Scalar
from optax_aware.statistics._block_mean import BlockMeanState, block_mean
from optax_aware.statistics._statistic import Statistic


class BlockLogRatioState(NamedTuple):
    """The block that is being filled and the one before it.

    Attributes:
      ratio_block: the block that is being filled.
      ratio_mean: the mean of the last complete block; infinite before the first, float32.
      ratio_error: the standard error of that mean, float32.
    """

    ratio_block: BlockMeanState
    ratio_mean: jax.Array
    ratio_error: jax.Array


class BlockLogRatio(NamedTuple):
    """How two successive blocks compare.

    Attributes:
      log_ratio: log(last mean / mean before); NaN where `defined` is false, float32.
      compared: whether this value completed a block that has a predecessor, bool.
      defined: whether it did and both means are positive, bool.
    """

    log_ratio: jax.Array
    compared: jax.Array
    defined: jax.Array


def block_log_ratio(window: Scalar | int) -> Statistic:
    r"""Compare the mean of each block of `window` finite values with that of the block before.

    Defined where both means are positive: the ratio of two negative means exists, but grows
    where the mean falls. A mean below the smallest normal float32 (1.2e-38) counts as zero.

    .. math:: r_k = \log(m_k / m_{k-1}) = \log m_k - \log m_{k-1}

    Args:
      window: values a block, at least 1; may be traced.

    Returns:
      A statistic whose estimates are `BlockLogRatio`.

    Raises:
      ValueError: if `window` is not a whole number of at least 1.

    Example:
      >>> from optax_aware import statistics
      >>> statistic = statistics.block_log_ratio(1)
      >>> state = statistic.init()
      >>> for value in (1.0, 2.0):
      ...     state, estimate = statistic.update(state, value)
      >>> round(float(estimate.log_ratio), 3), bool(estimate.defined)
      (0.693, True)
    """
    block = block_mean(window)

    def init() -> BlockLogRatioState:
        return BlockLogRatioState(
            ratio_block=block.init(),
            ratio_mean=jnp.full((), jnp.inf, jnp.float32),
            ratio_error=jnp.full((), jnp.inf, jnp.float32),
        )

    def update(
        state: BlockLogRatioState, value: Scalar
    ) -> tuple[BlockLogRatioState, BlockLogRatio]:
        filling, last = block.update(state.ratio_block, value)
        compared = last.complete & jnp.isfinite(state.ratio_mean)
        positive = (last.mean >= SMALLEST_NORMAL) & (state.ratio_mean >= SMALLEST_NORMAL)
        defined = compared & positive
        log_ratio = jnp.log(jnp.where(defined, last.mean, 1.0)) - jnp.log(
            jnp.where(defined, state.ratio_mean, 1.0)
        )
        estimate = BlockLogRatio(jnp.where(defined, log_ratio, jnp.nan), compared, defined)
        return BlockLogRatioState(
            ratio_block=filling,
            ratio_mean=jnp.where(last.complete, last.mean, state.ratio_mean),
            ratio_error=jnp.where(last.complete, last.standard_error, state.ratio_error),
        ), estimate

    return Statistic(init, update)
