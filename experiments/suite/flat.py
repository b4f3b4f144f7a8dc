"""The same problem with all parameters in one vector.

Nearly every optimizer treats parameters alike, whatever array they are in, and a program for
one vector is compiled several times as fast as one for a dozen arrays.
"""

import itertools
import math
from typing import Any

import jax
import numpy as np

from experiments.suite.problem import Problem


def flattened(problem: Problem) -> Problem:
    """The problem as one of a single vector of parameters."""
    leaves, structure = jax.tree.flatten(problem.init(np.random.default_rng(0)))
    shapes = [leaf.shape for leaf in leaves]
    ends = list(itertools.accumulate(math.prod(shape) for shape in shapes))

    def unflatten(vector: jax.Array) -> Any:
        parts = zip([0, *ends[:-1]], ends, shapes, strict=True)
        return jax.tree.unflatten(
            structure, [vector[first:end].reshape(shape) for first, end, shape in parts]
        )

    def init(generator):
        return np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(problem.init(generator))])

    def loss(vector, batch):
        return problem.loss(unflatten(vector), batch)

    def held_out(vector, arrays, altered):
        return problem.held_out(unflatten(vector), arrays, altered)

    return Problem(problem.arrays, init, problem.draw, problem.batch, loss, held_out)
