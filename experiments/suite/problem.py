"""What a task is made of: functions of parameters, batches and arrays, and nothing else."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

Params = Any
Arrays = Any
Batch = Any
Draw = Any


class Problem(NamedTuple):
    """A loss to bring down.

    All that is random is drawn by NumPy before a run begins, so that it hangs on the seed
    alone, every contender sees the same, and no program has to be compiled for it.

    ``altered`` is a boolean scalar: true for the problem as it is after a drift of the data,
    or in a corrupted batch (labels permuted, targets negated, a minimum elsewhere).

    Attributes:
      arrays: the data, handed to the functions below so that no program has them built in.
      init: draws parameters.
      draw: draws what is random in so many steps: arrays whose first axis is the step.
      batch: maps the arrays, the draw of one step and ``altered`` to a batch.
      loss: maps parameters and a batch to a scalar.
      held_out: maps parameters, the arrays and ``altered`` to the loss that counts.
    """

    arrays: Arrays
    init: Callable[[np.random.Generator], Params]
    draw: Callable[[np.random.Generator, int], Draw]
    batch: Callable[[Arrays, Any, jax.Array], Batch]
    loss: Callable[[Params, Batch], jax.Array]
    held_out: Callable[[Params, Arrays, jax.Array], jax.Array]
