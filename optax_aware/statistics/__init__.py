"""Statistics of a stream of scalars, as pairs of pure functions (init, update)."""

from optax_aware.statistics._block_log_ratio import (
    BlockLogRatio,
    BlockLogRatioState,
    block_log_ratio,
)
from optax_aware.statistics._block_mean import BlockMean, BlockMeanState, block_mean
from optax_aware.statistics._rolling_mean import RollingMean, RollingMeanState, rolling_mean
from optax_aware.statistics._statistic import Statistic

__all__ = [
    "BlockLogRatio",
    "BlockLogRatioState",
    "BlockMean",
    "BlockMeanState",
    "RollingMean",
    "RollingMeanState",
    "Statistic",
    "block_log_ratio",
    "block_mean",
    "rolling_mean",
]
