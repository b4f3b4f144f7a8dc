"""One contender on one task, ready to be trained as often as the studies ask for."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from experiments.suite import rates
from experiments.suite.contenders.contender import Contender
from experiments.suite.flat import flattened
from experiments.suite.problem import Problem
from experiments.suite.tasks.task import Task
from experiments.suite.training import Disturbance, Outcome, Program, Setting


class Bench:
    """Makes the problem and compiles the program when they are first needed."""

    def __init__(self, task: Task, contender: Contender, seeds: int, data_dir: Path | None):
        self.task = task
        self.contender = contender
        self.seeds = seeds
        self._data_dir = data_dir

    @cached_property
    def problem(self) -> Problem:
        """The problem of the task, in one vector where the inner optimizer does not mind."""
        return _problem(self.task, self._data_dir)

    @cached_property
    def _program(self) -> Program:
        contestant = self.contender.make(self.task)
        return Program(self.problem, contestant, self.task.steps, self.contender.width)

    def run(
        self,
        settings: Sequence[Setting],
        steps: int,
        disturbance: Disturbance | None = None,
        first_seed: int = 0,
    ) -> Outcome:
        """Train every setting with every seed."""
        seeds = range(first_seed, first_seed + self.seeds)
        return self._program.run(settings, seeds, steps, disturbance)

    def setting(self, shape: str, number: float, steps: int) -> Setting:
        """A setting of a rate or a first guess, under a schedule of a peak of 1.

        Args:
          shape: one of `rates.SHAPES`; ``flat`` for no schedule at all, ``cosine_factor`` for
            a cosine without a warmup.
          number: the one number of the contender.
          steps: the length of the run.
        """
        length = self.task.steps
        if shape == "flat":
            factor = np.ones(length, np.float32)
        elif shape == "cosine_factor":
            factor = rates.cosine_factor(steps, length)
        else:
            factor = rates.table(shape, steps, length)
        return Setting(factor, number, steps)


@lru_cache(maxsize=1)
def _problem(task: Task, data_dir: Path | None) -> Problem:
    """Contenders follow one another on a task, whose data are read once."""
    problem = task.problem(data_dir)
    return problem if task.inner.needs_matrices else flattened(problem)
