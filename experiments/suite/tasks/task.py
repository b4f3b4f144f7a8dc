"""What a task is: a problem, an inner optimizer and a length."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from experiments.suite.inner import Inner
from experiments.suite.problem import Problem

MANY_SEEDS, FEW_SEEDS = 10, 5


@dataclass(frozen=True)
class Task:
    """A training task.

    Attributes:
      name: what it is called on the command line and in the tables.
      summary: one line about it.
      inner: the inner optimizer.
      steps: updates of a run, the budget T.
      make: makes the problem; takes the folder of Fashion-MNIST's files where it needs them.
      seeds: runs of every contender; few where a run is dear.
      needs_fashion_mnist: whether its data are in files that may be absent.
      floor: what no parameters get below in expectation, where the loss may be 0 or less and
        that is known in closed form; it is taken off before ratios are.
    """

    name: str
    summary: str
    inner: Inner
    steps: int
    make: Callable[..., Problem]
    seeds: int = MANY_SEEDS
    floor: float = 0.0
    needs_fashion_mnist: bool = False

    def problem(self, data_dir: Path | None = None) -> Problem:
        """The problem, with Fashion-MNIST from ``data_dir`` where it needs that.

        Raises:
          UsageError: if its data are absent.
        """
        return self.make(data_dir) if self.needs_fashion_mnist else self.make()

    @property
    def definition(self) -> str:
        """The numbers of its problem, as text."""
        make = self.make
        if isinstance(make, partial):
            given = {name: _described(value) for name, value in sorted(make.keywords.items())}
            return f"{make.func.__name__} {make.args} {given}"
        return make.__name__

    @property
    def module(self) -> str:
        """Where its problem is made."""
        make = self.make.func if isinstance(self.make, partial) else self.make
        return make.__module__


def _described(value: Any) -> Any:
    return getattr(value, "__name__", value)
