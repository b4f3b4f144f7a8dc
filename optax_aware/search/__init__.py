"""Searches for a learning rate before the training: short runs of many rates."""

from optax_aware.search._coarse_result import Candidate, CoarseToFine
from optax_aware.search._coarse_to_fine import coarse_to_fine
from optax_aware.search._log_uniform import log_uniform
from optax_aware.search._range_result import RangeTest
from optax_aware.search._range_test import range_test

__all__ = [
    "Candidate",
    "CoarseToFine",
    "RangeTest",
    "coarse_to_fine",
    "log_uniform",
    "range_test",
]
