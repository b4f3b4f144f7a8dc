"""Works through the cells that are not there yet, one after another."""

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax

from experiments.suite.bench import Bench
from experiments.suite.cells import Cell
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.studies.catalogue import STUDIES
from experiments.suite.tasks.task import Task


class Progress(NamedTuple):
    """How far the suite is.

    Attributes:
      cell: the one that is done.
      seconds: how long it took; None where it was there already.
      done: how many cells are done.
      cells: how many there are.
      elapsed: seconds since the beginning.
      remaining: an estimate of the seconds that are left; None before there is one.
    """

    cell: Cell
    seconds: float | None
    done: int
    cells: int
    elapsed: float
    remaining: float | None


def run_cells(
    cells: Sequence[Cell],
    folder: Path,
    data_dir: Path | None,
    listener: Callable[[Progress], None],
) -> None:
    """Find and write every cell that is absent or was found under other circumstances."""
    begun = time.monotonic()
    spent: list[float] = []
    bench: Bench | None = None
    for place, cell in enumerate(cells):
        seconds = None
        if cell.read(folder) is None:
            if bench is None or (bench.task, bench.contender) != (cell.task, cell.contender):
                another_task = bench is not None and bench.task != cell.task
                bench = None
                if another_task:
                    _forget_programs()
                bench = Bench(cell.task, cell.contender, cell.seeds, data_dir)
            seconds = _find(cell, bench, folder, data_dir)
            spent.append(seconds)
        left = [one for one in cells[place + 1 :] if one.read(folder) is None] if spent else []
        remaining = len(left) * sum(spent) / len(spent) if spent else None
        elapsed = time.monotonic() - begun
        listener(Progress(cell, seconds, place + 1, len(cells), elapsed, remaining))


def _find(cell: Cell, bench: Bench, folder: Path, data_dir: Path | None) -> float:
    begun = time.monotonic()

    def peak_of(task: Task) -> float:
        return _tuned_peak(task, cell.seeds, folder, data_dir)

    findings = cell.study.run(bench, peak_of)
    seconds = time.monotonic() - begun
    cell.write(folder, findings, seconds)
    return seconds


def _tuned_peak(task: Task, seeds: int, folder: Path, data_dir: Path | None) -> float:
    """The peak rate of the tuned cosine over the whole budget, which may have to be found."""
    tuned = Cell(STUDIES["final"], task, CONTENDERS["schedules"], seeds)
    findings = tuned.read(folder)
    if findings is None:
        _find(tuned, Bench(task, tuned.contender, seeds, data_dir), folder, data_dir)
        findings = tuned.read(folder)
    if findings is None:
        raise RuntimeError(f"{tuned.name} cannot be read again from {folder}.")
    return next(
        row.rate
        for row in findings.rows
        if (row.contender, row.variant, row.budget) == ("cosine", "last", 1.0)
    )


def _forget_programs() -> None:
    """Let go of compiled programs: hundreds of them fill the memory."""
    gc.collect()
    jax.clear_caches()
