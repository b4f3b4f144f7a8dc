"""Policies: pure controllers that see a loss and decide about the learning rate."""

from optax_aware.policies._condition_based import condition_based
from optax_aware.policies._constant import constant
from optax_aware.policies._greedy import greedy
from optax_aware.policies._loss_ratio import loss_ratio
from optax_aware.policies._ratio_based import ratio_based
from optax_aware.policies._reduce_on_plateau import reduce_on_plateau
from optax_aware.policies._replay import replay
from optax_aware.policies._robust_ratio import robust_ratio

__all__ = [
    "condition_based",
    "constant",
    "greedy",
    "loss_ratio",
    "ratio_based",
    "reduce_on_plateau",
    "replay",
    "robust_ratio",
]
