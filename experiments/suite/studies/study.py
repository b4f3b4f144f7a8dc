"""What a study is, and what it finds."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.contenders.contender import Contender
from experiments.suite.tasks.task import Task

QUARTER, HALF, WHOLE = 0.25, 0.5, 1.0
BUDGETS = (QUARTER, HALF, WHOLE)


@dataclass(frozen=True)
class Row:
    """The final losses of one way of training at one budget.

    Attributes:
      contender: as in the tables; a contender of the catalogue or one of its shapes.
      variant: ``last`` for the last parameters or ``averaged``, with ``+cosine`` where the
        contender had one.
      budget: the share of the task's steps.
      case: what was different, in the words of the study; empty where nothing was.
      rate: the rate, where it was chosen or handed in.
      losses: held-out loss after the last update, a number a seed.
      curve: the median held-out loss at the marks, the start first.
    """

    contender: str
    variant: str
    budget: float
    case: str
    rate: float
    losses: list[float]
    curve: list[float]


@dataclass(frozen=True)
class Findings:
    """What a cell holds.

    Attributes:
      rows: one for each way of training.
      runs: facts about single runs of contenders that can tell.
      trace: value, rate and condition of one run against its steps.
    """

    rows: list[Row]
    runs: list[dict[str, Any]] = field(default_factory=list)
    trace: dict[str, list] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Findings":
        rows = [Row(**row) for row in content["rows"]]
        return Findings(rows, content["runs"], content["trace"])


PeakOf = Callable[[Task], float]


@dataclass(frozen=True)
class Study:
    """A question.

    Attributes:
      name: what it is called on the command line and in the tables.
      summary: one line about it.
      tasks: the names of the tasks it is asked on; None for all.
      asks: whether a contender is asked.
      run: finds the answer, given the peak rate of the tuned cosine on the task.
      module: where it is; its source decides whether a result is still good.
    """

    name: str
    summary: str
    tasks: tuple[str, ...] | None
    asks: Callable[[Contender], bool]
    run: Callable[[Bench, PeakOf], Findings]
    module: str


def row(
    contender: str,
    variant: str,
    budget: float,
    rate: float,
    over_seeds: np.ndarray,
    case: str = "",
    mark: int = -1,
) -> Row:
    """A row from held-out losses of shape (seeds, marks), judged at one of the marks."""
    curve = np.median(np.where(np.isnan(over_seeds), np.inf, over_seeds), axis=0)
    return Row(
        contender,
        variant,
        budget,
        case,
        float(rate),
        [float(loss) for loss in over_seeds[:, mark]],
        [float(loss) for loss in curve],
    )
