"""``python -m experiments suite``."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError
from experiments.files import write_json, write_text
from experiments.folder import hold
from experiments.suite.cells import Cell
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.csvs import curves_csv, results_csv, runs_csv, traces_csv
from experiments.suite.running import Progress, run_cells
from experiments.suite.selection import Selection, without_absent_data
from experiments.suite.studies.catalogue import STUDIES
from experiments.suite.tasks import TASKS, part_of

METADATA_FILE = "metadata.json"


def overview() -> list[Table]:
    """All tasks, contenders and studies."""
    tasks = Table(title="Tasks of the suite", title_justify="left")
    for column in ("name", "part", "inner", "steps"):
        tasks.add_column(column, no_wrap=True)
    tasks.add_column("what is trained")
    for task in TASKS.values():
        tasks.add_row(task.name, part_of(task.name), task.inner.name, str(task.steps), task.summary)
    contenders = Table(title="Contenders of the suite", title_justify="left")
    contenders.add_column("name", no_wrap=True)
    contenders.add_column("what it is")
    for contender in CONTENDERS.values():
        contenders.add_row(contender.name, contender.summary)
    studies = Table(title="Studies of the suite", title_justify="left")
    studies.add_column("name", no_wrap=True)
    studies.add_column("what is asked")
    for study in STUDIES.values():
        studies.add_row(study.name, study.summary)
    return [tasks, contenders, studies]


def run_suite(selection: Selection, folder: Path, data_dir: Path | None, console: Console) -> None:
    """Find what is not found yet, and write the tables of everything that was asked for.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    cells, absent = without_absent_data(selection.cells(), data_dir)
    for task, reason in absent.items():
        say(console, f"skipped {task}: {reason}")
    if not cells:
        raise UsageError("there is nothing to do: no contender that was asked for runs there.")
    with hold(folder):
        say(console, f"{len(cells)} cells, writing to {folder}")
        begun = time.monotonic()
        run_cells(cells, folder, data_dir, lambda progress: _show(console, progress))
        write_tables(cells, folder)
        write_json(folder / METADATA_FILE, _metadata(cells, time.monotonic() - begun))
        say(console, f"wrote {folder / 'results.csv'}")


def write_tables(cells: list[Cell], folder: Path) -> None:
    """Join the cells into small CSVs."""
    found = [(cell, findings) for cell in cells if (findings := cell.read(folder)) is not None]
    write_text(folder / "results.csv", results_csv(found))
    write_text(folder / "curves.csv", curves_csv(found))
    write_text(folder / "runs.csv", runs_csv(found))
    write_text(folder / "traces.csv", traces_csv(found))


def _metadata(cells: list[Cell], seconds: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds_of_the_last_command": round(seconds, 1),
        "cells": len(cells),
        "seeds": {cell.task.name: cell.seeds for cell in cells},
        "steps": {cell.task.name: cell.task.steps for cell in cells},
        **describe(),
    }


def _show(console: Console, progress: Progress) -> None:
    took = "kept" if progress.seconds is None else f"{progress.seconds:.1f} s"
    left = "" if progress.remaining is None else f", about {_minutes(progress.remaining)} left"
    say(
        console,
        f"{progress.done}/{progress.cells} {progress.cell.name}: {took} "
        f"({_minutes(progress.elapsed)} elapsed{left})",
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
