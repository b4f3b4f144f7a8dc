"""An entry of the tables of tasks."""

from collections.abc import Callable

from experiments.suite.inners import INNERS
from experiments.suite.problem import Problem
from experiments.suite.tasks.task import MANY_SEEDS, Task


def task(
    name: str,
    summary: str,
    inner: str,
    steps: int,
    make: Callable[..., Problem],
    *,
    seeds: int = MANY_SEEDS,
    floor: float = 0.0,
    needs_fashion_mnist: bool = False,
) -> Task:
    """A task whose inner optimizer is known by its name."""
    return Task(name, summary, INNERS[inner], steps, make, seeds, floor, needs_fashion_mnist)
