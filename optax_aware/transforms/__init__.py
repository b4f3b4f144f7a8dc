"""What acts on the updates: from a policy's decision to an optax transformation."""

from optax_aware.transforms.as_learning_rate import as_learning_rate
from optax_aware.transforms.aware import aware
from optax_aware.transforms.scale_by_policy import scale_by_policy

__all__ = ["as_learning_rate", "aware", "scale_by_policy"]
