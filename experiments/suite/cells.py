"""Cells: what one study found of one contender on one task, on disk as soon as it is known."""

import inspect
import platform
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from experiments import sources
from experiments.errors import UsageError
from experiments.files import read_json, write_json
from experiments.suite.contenders.contender import Contender
from experiments.suite.inners import Inner
from experiments.suite.studies.study import Findings, Study
from experiments.suite.tasks import Task

# What decides the numbers of every cell, besides its task, its contender and its study.
SHARED = ("bench", "flat", "rates", "training", "studies.facts", "studies.search", "studies.study")
PROBLEMS = ("convolutions", "losses", "networks", "noise", "problem")
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
            },
            "seeds": self.seeds,
            "sources": {
                "suite": sources.of_modules(
                    *(f"experiments.suite.{name}" for name in (*SHARED, *PROBLEMS))
                ),
                "problem": sources.of_modules(self.task.module),
                "study": sources.of_modules(self.study.module),
                "contender": sources.of_modules(self.contender.module),
                **({"optax_aware": sources.of_library()} if self.contender.ours else {}),
            },
            "versions": _versions(),
            "device": jax.default_backend(),
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
def _versions() -> dict[str, str]:
    names = ("jax", "jaxlib", "optax", "numpy", "scikit-learn")
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: metadata.version(name) for name in names}}
