"""A task of the suite as what a search takes: a loss, parameters, batches and an optimizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.suite.flat import flattened
from experiments.suite.tasks.task import Task


class Subject(NamedTuple):
    """What is searched on.

    Attributes:
      loss: maps parameters and what is drawn for a step to the loss of that minibatch.
      inner: the inner optimizer.
      start: maps a seed and a number of steps to parameters and draws.
    """

    loss: Callable[[Any, Any], jax.Array]
    inner: optax.GradientTransformation
    start: Callable[[int, int], tuple[Any, Any]]


def subject_of(task: Task, data_dir: Path | None) -> Subject:
    """Make the problem of a task, with the same seeds as in the suite.

    Raises:
      UsageError: if its data are absent.
    """
    problem = task.problem(data_dir)
    if not task.inner.needs_matrices:
        problem = flattened(problem)
    unaltered = jnp.zeros((), bool)

    def loss(params, drawn):
        return problem.loss(params, problem.batch(problem.arrays, drawn, unaltered))

    def start(seed, steps):
        first, second = np.random.default_rng(seed).spawn(2)
        return problem.init(first), problem.draw(second, steps)

    return Subject(loss, task.inner.make(), start)
