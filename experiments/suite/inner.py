"""What an inner optimizer is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import optax


@dataclass(frozen=True)
class Inner:
    """A direction.

    Attributes:
      name: as in the tables.
      make: makes the transformation.
      family: ``sgd`` where the update is as long as the gradient says, else ``adaptive``.
      centre: where the grid of peak rates starts; it grows from there as far as it must.
      default_rate: what a person takes who does not tune: 0.1 for gradient descent, 0.001 for
        the adaptive ones (Adam's published default).
      weight_decay: what `make` adds, so that peers with an own optimizer can have it too.
      needs_matrices: whether it treats matrices as such, and not all parameters alike.
    """

    name: str
    make: Callable[[], optax.GradientTransformation]
    family: Literal["sgd", "adaptive"]
    centre: float
    default_rate: float
    weight_decay: float = 0.0
    needs_matrices: bool = False
