"""Learning-rate schedules, and learning rates that listen to the training, for optax."""

from optax_aware import policies, schedules
from optax_aware._types import CONDITIONS, Condition, Decision, Evidence, Observation, Policy

__all__ = [
    "CONDITIONS",
    "Condition",
    "Decision",
    "Evidence",
    "Observation",
    "Policy",
    "policies",
    "schedules",
]
