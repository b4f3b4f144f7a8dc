"""The findings as small tables: a row for each way of training, each run, each step shown."""

import functools
from collections.abc import Sequence

import numpy as np

import optax_aware as oa
from experiments.files import csv_text
from experiments.suite.cells import Cell
from experiments.suite.studies.search import median
from experiments.suite.studies.study import WHOLE, Findings, Row
from experiments.suite.training import MARKS

ORACLE = ("cosine", "linear", "warmup_stable_decay")
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
    "not_finite",
    "median",
    "lower_quartile",
    "upper_quartile",
    "least",
    "most",
    "ratio_lower_quartile",
    "ratio_upper_quartile",
)
RUN_COLUMNS = (
    "task",
    "contender",
    "seed",
    "found_at",
    "rewinds",
    "last_rate",
    "start",
    "loss",
)
TRACE_COLUMNS = ("task", "contender", "step", "value", "rate", "condition")
CURVE_COLUMNS = (
    "task",
    "contender",
    "variant",
    *(f"at_{mark}_of_{MARKS}" for mark in range(MARKS + 1)),
)
TRACE_EVERY = 6
TUNED = ("schedules", "tuned", "started")


def results_csv(found: Found) -> str:
    """A row for each study, task, contender, variant, budget and case.

    Losses are held-out losses without the floor of the task. One that is not finite is counted
    as such and is infinite in the median and the quartiles. The last two columns are quartiles
    over seeds of the loss over that of the oracle with the same seed.
    """
    oracles = _oracles(found)
    rows = []
    for cell, findings in found:
        for row in filter(functools.partial(_kept, cell), findings.rows):
            losses = excess(cell, row)
            oracle = oracles.get((cell.task.name, row.budget))
            paired = (np.nan, np.nan)
            if cell.study.name == "final" and oracle is not None:
                paired = quartiles(_over(losses, oracle))
            low, high = quartiles(losses)
            tuned = cell.contender.kind in TUNED or row.contender == "cosine"
            numbers = (median(losses), low, high, losses.min(), losses.max(), *paired)
            rows.append(
                [
                    cell.study.name,
                    cell.task.name,
                    row.contender,
                    row.variant,
                    f"{row.budget:g}",
                    row.case,
                    number(row.rate) if tuned else "",
                    len(losses),
                    int(np.sum(~np.isfinite(losses))),
                    *map(number, numbers),
                ]
            )
    return csv_text(RESULT_COLUMNS, rows)


def _kept(cell: Cell, row: Row) -> bool:
    """Whether a row is worth its place: the others stay in the cells.

    Left out are averages along a schedule that cools down, which average next to nothing, and
    of the optimizers that come as they are: what they had before the end of the budget, which
    ``curves.csv`` tells, and, under faults and drift, what has neither average nor cosine.
    """
    if row.contender in ORACLE:
        return row.variant == "last"
    if cell.contender.kind != "free":
        return True
    if cell.study.name == "final":
        return row.budget == WHOLE
    return row.variant in ("averaged", "last+cosine")


def excess(cell: Cell, row: Row) -> np.ndarray:
    """The losses of a row without the floor of its task; not a number counts as infinite."""
    losses = np.array(row.losses, float) - cell.task.floor
    return np.where(np.isnan(losses), np.inf, losses)


def quartiles(losses: np.ndarray) -> tuple[float, float]:
    """The lower and the upper quartile, each one of the losses; infinity may be among them."""
    low, high = (np.quantile(np.sort(losses), q, method="nearest") for q in (0.25, 0.75))
    return float(low), float(high)


def _over(losses: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """Ratios seed by seed; infinite against an oracle that is infinite too."""
    with np.errstate(invalid="ignore"):
        ratios = losses / oracle
    return np.where(np.isnan(ratios), np.inf, ratios)


def _oracles(found: Found) -> dict[tuple[str, float], np.ndarray]:
    """The losses of the best tuned schedule at each budget."""
    best: dict[tuple[str, float], np.ndarray] = {}
    for cell, findings in found:
        for row in findings.rows:
            if (cell.study.name, row.variant) == ("final", "last") and row.contender in ORACLE:
                losses = excess(cell, row)
                at = (cell.task.name, row.budget)
                if at not in best or median(losses) < median(best[at]):
                    best[at] = losses
    return best


def curves_csv(found: Found) -> str:
    """Medians over seeds at the start and at the eighths of the whole budget, floor taken off.

    For those that know no budget: one row for each, task and variant.
    """
    return csv_text(
        CURVE_COLUMNS,
        (
            [
                cell.task.name,
                row.contender,
                row.variant,
                *(number(loss - cell.task.floor) for loss in row.curve),
            ]
            for cell, findings in found
            for row in findings.rows
            if cell.study.name == "final" and (row.budget, row.variant) == (1.0, "averaged")
        ),
    )


def runs_csv(found: Found) -> str:
    """A row for each of the runs that are asked whether they failed."""
    return csv_text(
        RUN_COLUMNS,
        (
            [
                cell.task.name,
                cell.contender.name,
                run["seed"],
                run["found_at"],
                run["rewinds"],
                number(run["last_rate"]),
                number(row.curve[0] - cell.task.floor),
                number(loss),
            ]
            for cell, findings in found
            if cell.study.name == "failures"
            for row in findings.rows
            for run, loss in zip(findings.runs, excess(cell, row), strict=True)
        ),
    )


def traces_csv(found: Found) -> str:
    """Loss, rate and condition of one run on each task, of ours that is told the budget."""
    return csv_text(
        TRACE_COLUMNS,
        (
            [
                cell.task.name,
                cell.contender.name,
                step,
                number(value),
                number(rate),
                oa.CONDITIONS[condition],
            ]
            for cell, findings in found
            if cell.study.name == "final" and cell.contender.kind == "known"
            for step, value, rate, condition in zip(
                *(
                    findings.trace[name][::TRACE_EVERY]
                    for name in ("step", "value", "rate", "condition")
                ),
                strict=True,
            )
        ),
    )


def number(value: float) -> str:
    """Four digits; empty for what is not a number."""
    return "" if np.isnan(value) else f"{value:.4g}"
