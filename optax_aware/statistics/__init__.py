"""Statistics of a stream of scalars, as pairs of pure functions (init, update)."""

from optax_aware.statistics._block_log_ratio import (
    BlockLogRatio,
    BlockLogRatioState,
    block_log_ratio,
)
from optax_aware.statistics._block_mean import BlockMean, BlockMeanState, block_mean
from optax_aware.statistics._growing_mean import GrowingMean, GrowingMeanState, growing_mean
from optax_aware.statistics._robust_level import RobustLevel, RobustLevelState, robust_level
from optax_aware.statistics._rolling_mean import RollingMean, RollingMeanState, rolling_mean
from optax_aware.statistics._statistic import Statistic
from optax_aware.statistics._upward_change import UpwardChange, UpwardChangeState, upward_change

__all__ = [
    "BlockLogRatio",
    "BlockLogRatioState",
    "BlockMean",
    "BlockMeanState",
    "GrowingMean",
    "GrowingMeanState",
    "RobustLevel",
    "RobustLevelState",
    "RollingMean",
    "RollingMeanState",
    "Statistic",
    "UpwardChange",
    "UpwardChangeState",
    "block_log_ratio",
    "block_mean",
    "growing_mean",
    "robust_level",
    "rolling_mean",
    "upward_change",
]
