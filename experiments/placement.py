"""Where arrays are: on one device, or on all of them, with a part of each batch on each."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from experiments.errors import UsageError


class Placement:
    """On the first device, or spread over a mesh whose one axis is that of the examples.

    Attributes:
      everywhere: the sharding of what every device has; None on a single device.
    """

    def __init__(self, devices: Sequence[Any] | None = None):
        mesh = None if devices is None else Mesh(np.asarray(devices), ("batch",))
        self.everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        self._split = (
            None if mesh is None else NamedSharding(mesh, PartitionSpec(None, None, "batch"))
        )

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that has not as many examples for each device.

        Raises:
          UsageError: with both numbers.
        """
        if self.everywhere is not None and batch_size % self.everywhere.num_devices:
            raise UsageError(
                f"--distributed: {batch_size} examples a batch cannot be shared equally by "
                f"{self.everywhere.num_devices} devices."
            )

    def copied(self, tree: Any) -> Any:
        """All of it on every device; every process has all of it."""
        return jax.tree.map(lambda leaf: _placed(leaf, self.everywhere), tree)

    def split(self, indices: np.ndarray) -> jax.Array:
        """The examples of each step, (seeds, steps, batch), a part of each batch on each device."""
        return _placed(indices, self._split)


def _placed(leaf: Any, sharding: NamedSharding | None) -> jax.Array:
    if sharding is None:
        return jax.numpy.asarray(leaf)
    whole = np.asarray(leaf)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
