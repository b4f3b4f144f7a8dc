"""What the tables of the suite say: ratios to the oracle, their means, and who won how often."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.errors import UsageError
from experiments.suite.csvs import RESULT_COLUMNS
from experiments.suite.studies.search import median
from experiments.suite.tasks import TASKS, part_of

ORACLE_SHAPES = ("cosine", "linear", "warmup_stable_decay")
RESULTS_FILE = "results.csv"


@dataclass(frozen=True)
class Result:
    """A row of ``results.csv``; the losses are without the floor of the task.

    Attributes:
      study: the question.
      task: the name of the task.
      contender: the name of the contender or of its schedule.
      variant: which parameters, and whether with a cosine.
      budget: the share of the task's steps.
      case: what was different.
      rate: the rate, where it was chosen or handed in.
      losses: final held-out losses, a number a seed.
      curve: median held-out losses at the start and at the eighths of the budget.
    """

    study: str
    task: str
    contender: str
    variant: str
    budget: float
    case: str
    rate: float
    losses: tuple[float, ...]
    curve: tuple[float, ...]

    @property
    def entrant(self) -> str:
        """The contender with its variant, as the tables call it."""
        return self.contender if self.variant == "last" else f"{self.contender} {self.variant}"

    @property
    def median(self) -> float:
        """The median loss over seeds."""
        return median(self.losses)


class Results:
    """All rows of a suite."""

    def __init__(self, rows: Iterable[Result]):
        self.rows = list(rows)

    def of(self, study: str, **wanted: object) -> list[Result]:
        """The rows of a study whose attributes have these values."""
        return [
            row
            for row in self.rows
            if row.study == study
            and all(getattr(row, name) == value for name, value in wanted.items())
        ]

    def tasks(self, part: str | None = None) -> list[str]:
        """The tasks of one part or of both on which anything was found."""
        run = {row.task for row in self.of("final")}
        return [task for task in TASKS if task in run and part in (None, part_of(task))]

    def oracle(self, task: str, budget: float = 1.0) -> Result | None:
        """The best tuned schedule at a budget."""
        rows = [
            row
            for row in self.of("final", task=task, budget=budget, variant="last")
            if row.contender in ORACLE_SHAPES
        ]
        return min(rows, key=lambda row: row.median, default=None)

    def ratios(self, budget: float = 1.0) -> dict[str, dict[str, float]]:
        """For every entrant and task the median loss over that of the oracle."""
        found: dict[str, dict[str, float]] = {}
        for row in self.of("final", budget=budget):
            oracle = self.oracle(row.task, budget)
            if oracle is not None:
                found.setdefault(row.entrant, {})[row.task] = row.median / oracle.median
        return found

    def paired_ratios(self, row: Result) -> np.ndarray:
        """The losses of a row over the oracle's of the same seeds."""
        oracle = self.oracle(row.task, row.budget)
        if oracle is None:
            raise ValueError(f"{row.task} has no tuned schedules at the budget {row.budget:g}.")
        return np.array(row.losses) / np.array(oracle.losses)


def read_results(folder: Path) -> Results:
    """The results in a folder.

    Raises:
      UsageError: if there are none, or they are not what the suite writes.
    """
    path = folder / RESULTS_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != RESULT_COLUMNS:
                raise UsageError(f"{path} has other columns than the suite writes.")
            return Results([_result(row) for row in reader if row["task"] in TASKS])
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): run `python -m experiments suite` first."
        ) from error


def _result(row: Mapping[str, str]) -> Result:
    floor = TASKS[row["task"]].floor
    return Result(
        study=row["study"],
        task=row["task"],
        contender=row["contender"],
        variant=row["variant"],
        budget=float(row["budget"]),
        case=row["case"],
        rate=float(row["rate"]),
        losses=tuple(float(loss) - floor for loss in row["losses"].split()),
        curve=tuple(float(loss) - floor for loss in row["curve"].split()),
    )


def geometric_mean(ratios: Iterable[float]) -> float:
    """The geometric mean of positive numbers; infinite where one of them is, or is not a number."""
    ratios = list(ratios)
    if not all(math.isfinite(ratio) for ratio in ratios):
        return math.inf
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def worst(ratios: Iterable[float]) -> float:
    """The largest; infinite where one is not a number."""
    return max(ratio if not math.isnan(ratio) else math.inf for ratio in ratios)


def quartiles(numbers: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The lower and the upper one, each a member; what is not a number counts as infinite."""
    ordered = np.sort(np.where(np.isnan(numbers), np.inf, numbers))
    low, high = (np.quantile(ordered, share, method="nearest") for share in (0.25, 0.75))
    return float(low), float(high)


def share_within(
    ratios: Mapping[str, Mapping[str, float]], tasks: Sequence[str], factors: np.ndarray
) -> dict[str, np.ndarray]:
    """For every entrant the share of the tasks on which it is within each factor of the best.

    Best is the best of the entrants; one that did not run on a task is not within any factor.
    This is the performance profile of Dolan and More, Benchmarking optimization software with
    performance profiles, 2002, doi:10.1007/s101070100263, of final losses instead of times.
    """
    best = {task: min(entrant.get(task, math.inf) for entrant in ratios.values()) for task in tasks}
    return {
        name: np.array(
            [
                np.mean([of.get(task, math.inf) <= factor * best[task] for task in tasks])
                for factor in factors
            ]
        )
        for name, of in ratios.items()
    }
