"""What is trained: a data set, a model, a batch size and a length, by name."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.errors import unknown_name

if TYPE_CHECKING:
    from experiments.models import Model


def _digits_mlp() -> "Model":
    from experiments import models

    return models.mlp(8 * 8, (64,), 10)


def _digits_cnn() -> "Model":
    from experiments import models

    return models.small_cnn(10)


def _fashion_mnist_lenet() -> "Model":
    from experiments import models

    return models.lenet(10)


def _fashion_mnist_mlp() -> "Model":
    from experiments import models

    return models.mlp(28 * 28, (128, 64), 10)


@dataclass(frozen=True)
class Workload:
    """A training task.

    Attributes:
      name: what it is called on the command line.
      summary: one line about it.
      data: the name of its data set in ``experiments.data``.
      model: makes the model; JAX is imported only then.
      batch_size: examples in a minibatch.
      examples: images to train on.
      epochs: the length of a run, unless another is asked for.
    """

    name: str
    summary: str
    data: str
    model: Callable[[], "Model"]
    batch_size: int
    examples: int
    epochs: int = 30

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches until every image was seen; the last is filled up with the first images."""
        return math.ceil(self.examples / self.batch_size)


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            name="digits",
            summary="1442 digits of 8x8, a layer of 64 units, batch 64, 23 steps an epoch",
            data="digits",
            model=_digits_mlp,
            batch_size=64,
            examples=1442,
        ),
        Workload(
            name="digits_cnn",
            summary="the same digits, two convolutions and a layer of 64 units",
            data="digits",
            model=_digits_cnn,
            batch_size=64,
            examples=1442,
        ),
        Workload(
            name="fashion_mnist",
            summary="60,000 garments of 28x28, LeNet, batch 256, 235 steps an epoch",
            data="fashion_mnist",
            model=_fashion_mnist_lenet,
            batch_size=256,
            examples=60_000,
        ),
        Workload(
            name="fashion_mnist_mlp",
            summary="the same garments, layers of 128 and 64 units",
            data="fashion_mnist",
            model=_fashion_mnist_mlp,
            batch_size=256,
            examples=60_000,
        ),
    )
}


def find_workload(name: str) -> Workload:
    """The workload of this name."""
    if name not in WORKLOADS:
        raise unknown_name("workload", name, WORKLOADS)
    return WORKLOADS[name]
