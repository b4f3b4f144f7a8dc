"""Cells: what one study found of one contender on one task, on disk as soon as it is known."""

import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from experiments import circumstances, sources
from experiments.errors import UsageError
from experiments.files import read_json, write_json
from experiments.suite.contenders.contender import Contender
from experiments.suite.inner import Inner
from experiments.suite.studies.study import Findings, Study
from experiments.suite.tasks.task import Task

# What finds the peak rate of the tuned cosine, from which other studies begin.
PEAK = ("experiments.suite.contenders.schedules", "experiments.suite.studies.final")
# What every table of rates is made by, whoever trains at them.
SCHEDULES = "optax_aware.schedules"
FOLDER = "cells"


@dataclass(frozen=True)
class Cell:
    """One study of one contender on one task.

    Attributes:
      study: the question.
      task: on what, of the length that it is run at.
      contender: of whom.
      seeds: how many runs.

    """

    study: Study
    task: Task
    contender: Contender
    seeds: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.study.name} / {self.task.name} / {self.contender.name}"

    def path(self, folder: Path) -> Path:
        """Where it is kept."""
        return folder / FOLDER / self.study.name / self.task.name / f"{self.contender.name}.json"

    def key(self) -> dict[str, Any]:
        """Everything that decides its numbers."""
        return {
            "task": {
                "name": self.task.name,
                "definition": self.task.definition,
                "inner": _described(self.task.inner),
                "steps": self.task.steps,
                "floor": self.task.floor,
            },
            "seeds": self.seeds,
            "sources": {
                "problem": sources.of_modules(self.task.module),
                "study": sources.of_modules(self.study.module),
                "contender": sources.of_modules(self.contender.module),
                "peak": sources.of_modules(*PEAK),
                "library": (
                    sources.of_library() if self.contender.ours else sources.of_modules(SCHEDULES)
                ),
            },
            **_circumstances(),
        }

    def read(self, folder: Path) -> Findings | None:
        """What was found, if it was found under the same circumstances."""
        try:
            content = read_json(self.path(folder))
        except (FileNotFoundError, UsageError):
            return None
        if content.get("key") != self.key():
            return None
        return Findings.from_json(content)

    def write(self, folder: Path, findings: Findings, seconds: float) -> None:
        """Keep what was found, at once and whole."""
        content = {"key": self.key(), "seconds": round(seconds, 2), **findings.to_json()}
        write_json(self.path(folder), content, indent=None)


def _described(inner: Inner) -> dict[str, Any]:
    fields = {**vars(inner), "make": inspect.getsource(inner.make)}
    return {name: fields[name] for name in sorted(fields)}


@cache
def _circumstances() -> dict[str, Any]:
    return circumstances.decisive()
