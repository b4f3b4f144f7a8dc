"""Learning-rate schedules, and learning rates that listen to the training, for optax."""

import importlib
from typing import TYPE_CHECKING, Any

from optax_aware import policies, schedules, search
from optax_aware._types import CONDITIONS, Condition, Decision, Evidence, Observation, Policy
from optax_aware.reporting._accumulation import Accumulation, accumulation
from optax_aware.reporting._edits import reset, set_learning_rate
from optax_aware.reporting._eval_params import eval_params
from optax_aware.reporting._events import Event, Events, events
from optax_aware.reporting._layer_factors import LayerFactor, LayerFactors, layer_factors
from optax_aware.reporting._report import Report, learning_rate, report
from optax_aware.transforms._accumulate import accumulate
from optax_aware.transforms._aliases import aware_adam, aware_adamw, aware_sgd
from optax_aware.transforms._as_learning_rate import as_learning_rate
from optax_aware.transforms._aware import aware
from optax_aware.transforms._layerwise import layerwise
from optax_aware.transforms._scale_by_policy import scale_by_policy

if TYPE_CHECKING:
    from optax_aware import flax as flax
    from optax_aware import plotting as plotting

__all__ = [
    "CONDITIONS",
    "Accumulation",
    "Condition",
    "Decision",
    "Event",
    "Events",
    "Evidence",
    "LayerFactor",
    "LayerFactors",
    "Observation",
    "Policy",
    "Report",
    "accumulate",
    "accumulation",
    "as_learning_rate",
    "aware",
    "aware_adam",
    "aware_adamw",
    "aware_sgd",
    "eval_params",
    "events",
    "layer_factors",
    "layerwise",
    "learning_rate",
    "policies",
    "report",
    "reset",
    "scale_by_policy",
    "schedules",
    "search",
    "set_learning_rate",
]

_OPTIONAL = ("flax", "plotting")


def __dir__() -> list[str]:
    """Every public name, the parts with optional dependencies among them."""
    return sorted([*globals(), *_OPTIONAL])


def __getattr__(name: str) -> Any:
    """Import the parts with optional dependencies when they are first touched."""
    if name in _OPTIONAL:
        return importlib.import_module(f"optax_aware.{name}")
    raise AttributeError(f"module 'optax_aware' has no attribute {name!r}")
