"""The tasks: a problem, an inner optimizer and a length, by name."""

import json
from pathlib import Path

from experiments.errors import unknown_name
from experiments.suite.tasks import development, report
from experiments.suite.tasks.task import Task

SPLIT_FILE = Path(__file__).parents[1] / "split.json"
TASKS: dict[str, Task] = {task.name: task for task in (*development.TASKS, *report.TASKS)}


def find_task(name: str) -> Task:
    """The task of this name."""
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return TASKS[name]


def split() -> dict[str, dict[str, str]]:
    """The names of the development and of the report tasks, each with why it is there."""
    return json.loads(SPLIT_FILE.read_text(encoding="utf-8"))


def part_of(name: str) -> str:
    """``development`` or ``report``."""
    return next(part for part, members in split().items() if name in members)
