"""Which cells a command asks for."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from experiments.data.fashion_mnist import load_fashion_mnist
from experiments.errors import UsageError
from experiments.suite.cells import Cell
from experiments.suite.contenders.catalogue import CONTENDERS, find_contender
from experiments.suite.studies.catalogue import STUDIES, find_study
from experiments.suite.tasks import TASKS, find_task, split
from experiments.suite.tasks.task import Task

QUICK_SEEDS = 2
QUICK_TASKS = ("quadratic_noisy", "digits_mlp_short")
QUICK_STUDIES = ("final",)
QUICK_CONTENDERS = ("schedules", "prodigy", "condition_based", "condition_based_anytime")
LEAST_STEPS = 40


@dataclasses.dataclass(frozen=True)
class Selection:
    """What a command asks for; what is empty stands for everything.

    Attributes:
      tasks: names of tasks.
      contenders: names of contenders.
      studies: names of studies.
      part: ``development``, ``report`` or ``all``; counts where no task is named.
      seeds: runs of each contender; None for as many as each task has.
      quick: two seeds, a quarter of the steps, a few tasks and a few contenders.
    """

    tasks: tuple[str, ...] = ()
    contenders: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    part: str = "all"
    seeds: int | None = None
    quick: bool = False

    def cells(self) -> list[Cell]:
        """The cells in the order in which they are worked on: task by task.

        Raises:
          UsageError: if a name is unknown or the seeds are none.
        """
        if self.seeds is not None and self.seeds < 1:
            raise UsageError(f"--seeds must be at least 1, got {self.seeds}.")
        usual = QUICK_CONTENDERS if self.quick else tuple(CONTENDERS)
        contenders = [find_contender(name) for name in self.contenders or usual]
        quick_studies = QUICK_STUDIES if self.quick else tuple(STUDIES)
        studies = [find_study(name) for name in self.studies or quick_studies]
        return [
            Cell(study, task, contender, self._seeds(task))
            for task in map(self._sized, self._tasks())
            for contender in contenders
            if contender.runs_on(task)
            for study in studies
            if study.asks(contender) and (study.tasks is None or task.name in study.tasks)
        ]

    def _tasks(self) -> list[Task]:
        if self.tasks:
            return [find_task(name) for name in dict.fromkeys(self.tasks)]
        if self.quick:
            return [TASKS[name] for name in QUICK_TASKS]
        parts = split() if self.part == "all" else {self.part: split()[self.part]}
        return [TASKS[name] for members in parts.values() for name in members]

    def _sized(self, task: Task) -> Task:
        if not self.quick:
            return task
        return dataclasses.replace(task, steps=max(LEAST_STEPS, task.steps // 4))

    def _seeds(self, task: Task) -> int:
        if self.seeds is not None:
            return self.seeds
        return QUICK_SEEDS if self.quick else task.seeds


def without_absent_data(
    cells: Sequence[Cell], data_dir: Path | None
) -> tuple[list[Cell], dict[str, str]]:
    """The cells whose data are there, and for the tasks of the others why they are not."""
    wanting = {cell.task.name for cell in cells if cell.task.needs_fashion_mnist}
    if not wanting:
        return list(cells), {}
    try:
        load_fashion_mnist(data_dir)
    except UsageError as error:
        kept = [cell for cell in cells if not cell.task.needs_fashion_mnist]
        return kept, {name: str(error) for name in sorted(wanting)}
    return list(cells), {}
