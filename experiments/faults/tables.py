"""What survived, as a CSV and as tables in markdown."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from experiments import markdown
from experiments.faults.catalogue import Fault
from experiments.faults.training import Outcome, Run
from experiments.files import csv_text

FACTOR = 1.5
"""How many times the loss of the undisturbed run, or of the start, a run may end at."""


class Survival(NamedTuple):
    """What one contender made of one fault.

    Attributes:
      contender: its name.
      fault: the name of the fault.
      compared_with: the end of the undisturbed run, or the start where nothing can be learned.
      runs: how many there were.
      finite: how many ended with finite parameters.
      survived: how many of these ended at no more than `FACTOR` times the loss compared with.
      median_ratio: of the loss at the end to the loss compared with; infinite where not finite.
      worst_ratio: the greatest of these.
    """

    contender: str
    fault: str
    compared_with: str
    runs: int
    finite: int
    survived: int
    median_ratio: float
    worst_ratio: float


def survival(
    contender: str, fault: Fault, runs: Sequence[Run], found: Outcome, undisturbed: np.ndarray
) -> Survival:
    """Compare runs with the undisturbed ones of the same seeds, or with their own start."""
    expected = found.start_loss if fault.blind else undisturbed[[run.seed for run in runs]]
    ratios = np.asarray(found.end_loss, np.float64) / expected
    ratios = np.where(found.finite & np.isfinite(ratios), ratios, np.inf)
    return Survival(
        contender,
        fault.name,
        "start" if fault.blind else "undisturbed",
        len(runs),
        int(np.sum(found.finite)),
        int(np.sum(ratios <= FACTOR)),
        float(np.median(ratios)),
        float(np.max(ratios)),
    )


def survival_csv(rows: Iterable[Survival]) -> str:
    """A row for each contender and fault."""
    return csv_text(
        Survival._fields,
        ([*row[:-2], f"{row.median_ratio:.4g}", f"{row.worst_ratio:.4g}"] for row in rows),
    )


def survival_table(rows: Sequence[Survival]) -> str:
    """A line for each fault, and a column for each contender: the share, and the median ratio."""
    contenders = list(dict.fromkeys(row.contender for row in rows))
    faults = list(dict.fromkeys(row.fault for row in rows))
    by_place = {(row.fault, row.contender): row for row in rows}
    lines = []
    for fault in faults:
        found = [by_place[fault, contender] for contender in contenders]
        mark = " †" if found[0].compared_with == "start" else ""
        lines.append([fault + mark, str(found[0].runs), *map(_cell, found)])
    return markdown.table(["fault", "runs", *(f"`{name}`" for name in contenders)], lines)


def _cell(row: Survival) -> str:
    # Rounded down, so that "100 %" is not said of what is less.
    share = "all" if row.survived == row.runs else f"{100 * row.survived // row.runs} %"
    ratio = f"{row.median_ratio:.2f}" if np.isfinite(row.median_ratio) else "∞"
    return f"{share} ({ratio})"
