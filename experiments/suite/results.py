"""What the suite has found, read from its CSVs: losses, and their ratios to the oracle."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import UsageError
from experiments.suite.csvs import (
    CURVE_COLUMNS,
    ORACLE,
    RESULT_COLUMNS,
    RUN_COLUMNS,
    TRACE_COLUMNS,
)
from experiments.suite.tasks import TASKS, part_of

RESULTS_FILE, CURVES_FILE, RUNS_FILE, TRACES_FILE = (
    f"{name}.csv" for name in ("results", "curves", "runs", "traces")
)

# The family of the direction that a contender brings along. Where the task's inner optimizer
# is of the other one, its ratio to the oracle tells directions apart and not learning rates:
# without noise Adam's direction ends at 1e-10 of what the best rate of plain descent reaches.
OWN_DIRECTION = {
    "prodigy": "adaptive",
    "dadapt_adamw": "adaptive",
    "momo_adam": "adaptive",
    "schedule_free_adamw": "adaptive",
    "dog": "sgd",
    "dowg": "sgd",
    "momo": "sgd",
    "schedule_free_sgd": "sgd",
}


@dataclass(frozen=True)
class Result:
    """A row of ``results.csv``.

    Attributes:
      study: the question.
      task: the name of the task.
      contender: the name of the contender or of its schedule.
      variant: which parameters, and whether with a cosine.
      budget: the share of the task's steps.
      case: what was different.
      rate: the rate where it was chosen or handed in.
      median: the median over seeds of the final held-out loss without the floor of the task.
      paired: quartiles over seeds of this loss over the oracle's.
    """

    study: str
    task: str
    contender: str
    variant: str
    budget: float
    case: str
    rate: float
    median: float
    paired: tuple[float, float]

    @property
    def entrant(self) -> str:
        """The contender with its variant, as the tables call it."""
        return self.contender if self.variant == "last" else f"{self.contender} {self.variant}"


@dataclass(frozen=True)
class Run:
    """A row of ``runs.csv``.

    Attributes:
      task: the name of the task.
      contender: the name of the contender.
      found_at: the step at which the rate was found; -1 if it never was.
      start: the median loss before the first update.
      loss: the final loss.
    """

    task: str
    contender: str
    found_at: int
    start: float
    loss: float


class Results:
    """All that a suite has found.

    Attributes:
      rows: how the contenders ended.
      runs: single runs that are asked whether they failed.
      curves: median losses at the start and at the eighths of the budget, for the task and
        the entrant.
      traces: the rows of ``traces.csv`` for the task and the contender.
    """

    def __init__(
        self,
        rows: Iterable[Result],
        runs: Iterable[Run] = (),
        curves: Mapping[tuple[str, str], list[float]] | None = None,
        traces: Mapping[tuple[str, str], list[dict[str, str]]] | None = None,
    ):
        self.rows = list(rows)
        self.runs = list(runs)
        self.curves = dict(curves or {})
        self.traces = dict(traces or {})
        self._by_study: dict[str, list[Result]] = {}
        self._oracles: dict[tuple[str, float], Result] = {}
        for row in self.rows:
            self._by_study.setdefault(row.study, []).append(row)
            if row.study == "final" and row.variant == "last" and row.contender in ORACLE:
                best = self._oracles.setdefault((row.task, row.budget), row)
                if not best.median <= row.median:
                    self._oracles[row.task, row.budget] = row

    def of(self, study: str, **wanted: object) -> list[Result]:
        """The rows of a study whose attributes have these values."""
        return [
            row
            for row in self._by_study.get(study, [])
            if all(getattr(row, name) == value for name, value in wanted.items())
        ]

    def tasks(self, part: str | None = None) -> list[str]:
        """The tasks of one part or of both on which anything was found."""
        run = {row.task for row in self.of("final")}
        return [task for task in TASKS if task in run and part in (None, part_of(task))]

    def oracle(self, task: str, budget: float = 1.0) -> Result | None:
        """The best tuned schedule at a budget."""
        return self._oracles.get((task, budget))

    def ratios(self, budget: float = 1.0, alike: bool = False) -> dict[str, dict[str, float]]:
        """For every entrant and task the median loss over that of the oracle.

        Args:
          budget: the share of the task's steps.
          alike: only on tasks whose inner optimizer is of the family of the entrant's own
            direction, if it has one.
        """
        found: dict[str, dict[str, float]] = {}
        for row in self.of("final", budget=budget):
            family = TASKS[row.task].inner.family
            if alike and OWN_DIRECTION.get(row.contender, family) != family:
                continue
            oracle = self.oracle(row.task, budget)
            if oracle is not None:
                found.setdefault(row.entrant, {})[row.task] = row.median / oracle.median
        return found


def read_results(folder: Path) -> Results:
    """The results in a folder.

    Raises:
      UsageError: if there are none, or they are not what the suite writes.
    """
    results = _read(folder / RESULTS_FILE, RESULT_COLUMNS)
    runs = _read(folder / RUNS_FILE, RUN_COLUMNS)
    curves = _read(folder / CURVES_FILE, CURVE_COLUMNS)
    traces: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in _read(folder / TRACES_FILE, TRACE_COLUMNS):
        traces.setdefault((row["task"], row["contender"]), []).append(row)
    return Results(
        [_result(row) for row in results],
        [_run(row) for row in runs],
        {
            (row["task"], f"{row['contender']} {row['variant']}"): [
                _float(row[column]) for column in CURVE_COLUMNS[3:]
            ]
            for row in curves
        },
        traces,
    )


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV that has these columns, of tasks that there are."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): run `python -m experiments suite` first."
        ) from error
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise UsageError(f"{path} has other columns than the suite writes.")
    return [row for row in rows if row["task"] in TASKS]


def _result(row: Mapping[str, str]) -> Result:
    return Result(
        study=row["study"],
        task=row["task"],
        contender=row["contender"],
        variant=row["variant"],
        budget=float(row["budget"]),
        case=row["case"],
        rate=_float(row["rate"]),
        median=_float(row["median"]),
        paired=(_float(row["ratio_lower_quartile"]), _float(row["ratio_upper_quartile"])),
    )


def _run(row: Mapping[str, str]) -> Run:
    return Run(
        row["task"],
        row["contender"],
        int(row["found_at"]),
        _float(row["start"]),
        _float(row["loss"]),
    )


def _float(text: str) -> float:
    return float(text) if text else math.nan
