"""What is known of a contender."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from experiments.suite.tasks.task import Task
from experiments.suite.training import Contestant

Kind = Literal["schedules", "tuned", "free", "known", "anytime", "started"]
WIDTHS: dict[str, int] = {"schedules": 12, "tuned": 3, "free": 2}


@dataclass(frozen=True)
class Contender:
    """One way of training.

    Attributes:
      name: what it is called on the command line and in the tables.
      kind: how it is run. ``schedules``: shapes and peak rates are searched. ``tuned``: its
        rate is searched. ``free``: as it comes, with and without a cosine. ``known``: it is
        told the budget. ``anytime``: it is told nothing. ``started``: it is handed a rate.
      summary: one line about it.
      make: makes the contestant for a task.
      default: the one number it is given where nothing is searched.
      families: on which families of inner optimizers it runs.
      module: where it is made; its source decides whether a result is still good.
      ours: whether it is made of this library, whose source then decides as well.
    """

    name: str
    kind: Kind
    summary: str
    make: Callable[[Task], Contestant]
    module: str
    default: Callable[[Task], float] = lambda task: 1.0
    families: tuple[str, ...] = ("sgd", "adaptive")
    ours: bool = False

    @property
    def width(self) -> int:
        """How many settings are trained at once."""
        return WIDTHS.get(self.kind, 1)

    def runs_on(self, task: Task) -> bool:
        """Whether it competes on a task."""
        return task.inner.family in self.families
