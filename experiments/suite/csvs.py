"""The findings as small tables: a row for each way of training, each run, each step shown."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import optax_aware as oa
from experiments.suite.cells import Cell
from experiments.suite.studies.study import Findings

Found = Sequence[tuple[Cell, Findings]]
RESULT_COLUMNS = (
    "study",
    "task",
    "contender",
    "variant",
    "budget",
    "case",
    "rate",
    "seeds",
    "failures",
    "median",
    "lower_quartile",
    "upper_quartile",
    "least",
    "most",
    "start",
    "losses",
    "curve",
)
RUN_COLUMNS = ("study", "task", "contender", "case", "seed", "found_at", "rewinds", "last_rate")
TRACE_COLUMNS = ("task", "contender", "step", "value", "rate", "condition")


def results_csv(found: Found) -> str:
    """A row for each study, task, contender, variant, budget and case.

    ``failures`` are the seeds whose loss is not finite; they count as infinite in the median
    and quartiles. ``losses`` holds all seeds and ``curve`` the medians at the start and at the
    eighths of the budget, with spaces between.
    """
    rows = []
    for cell, findings in found:
        for row in findings.rows:
            losses = np.array(row.losses, float)
            losses = np.where(np.isnan(losses), np.inf, losses)
            ordered = np.sort(losses)
            spread = (
                float(np.median(losses)),
                *(float(np.quantile(ordered, q, method="nearest")) for q in (0.25, 0.75)),
                float(ordered[0]),
                float(ordered[-1]),
            )
            rows.append(
                [
                    cell.study.name,
                    cell.task.name,
                    row.contender,
                    row.variant,
                    f"{row.budget:g}",
                    row.case,
                    _number(row.rate),
                    len(losses),
                    int(np.sum(~np.isfinite(losses))),
                    *map(_number, spread),
                    _number(row.curve[0]),
                    " ".join(map(_number, losses)),
                    " ".join(map(_number, row.curve)),
                ]
            )
    return _csv(RESULT_COLUMNS, rows)


def runs_csv(found: Found) -> str:
    """A row for each run of a policy that can tell."""
    return _csv(
        RUN_COLUMNS,
        (
            [
                cell.study.name,
                cell.task.name,
                cell.contender.name,
                run.get("case", ""),
                run["seed"],
                run["found_at"],
                run["rewinds"],
                _number(run["last_rate"]),
            ]
            for cell, findings in found
            for run in findings.runs
        ),
    )


def traces_csv(found: Found) -> str:
    """Loss, rate and condition of one run of each contender without a rate on each task."""
    return _csv(
        TRACE_COLUMNS,
        (
            [
                cell.task.name,
                cell.contender.name,
                step,
                _number(value),
                _number(rate),
                oa.CONDITIONS[condition],
            ]
            for cell, findings in found
            if cell.study.name == "final" and cell.contender.kind in ("known", "anytime")
            for step, value, rate, condition in zip(
                *(findings.trace[name] for name in ("step", "value", "rate", "condition")),
                strict=True,
            )
        ),
    )


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _number(number: float) -> str:
    return f"{number:.5g}"
