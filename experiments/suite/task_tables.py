"""The tables of the report with a row for each task, and what is read off them."""

import math
from collections.abc import Sequence

from experiments.markdown import table
from experiments.suite.results import Results
from experiments.suite.scores import worst
from experiments.suite.studies.search import median
from experiments.suite.tasks import TASKS

STARTED = "condition_based_started"


def per_task(results: Results, entrants: Sequence[str]) -> str:
    """The ratio of some entrants on every task, with the oracle they are measured by."""
    ratios = results.ratios()
    present = [name for name in entrants if name in ratios]
    lines = []
    for task in results.tasks():
        oracle = results.oracle(task)
        if oracle is not None:
            lines.append(
                [
                    f"`{task}`",
                    f"{oracle.median:.4g}",
                    f"{oracle.contender} {oracle.rate:.2g}",
                    *(shown(ratios[name].get(task)) for name in present),
                ]
            )
    return table(["task", "oracle", "is", *(f"`{name}`" for name in present)], lines)


def starts(results: Results) -> str:
    """Each entrant's worst over its best start, on every task that was started so."""
    entrants = list(dict.fromkeys(row.entrant for row in results.of("start")))
    lines = [
        [f"`{task}`", *(shown(_over_starts(results, task, name)) for name in entrants)]
        for task in results.tasks()
        if results.of("start", task=task)
    ]
    return table(["task", *(f"`{name}`" for name in entrants)], lines)


def ours_over_starts(results: Results, tasks: Sequence[str]) -> list[float]:
    """For every task the worst of ours over all starting rates, over the best of them."""
    ratios = (_over_starts(results, task, STARTED) for task in tasks)
    return [ratio for ratio in ratios if ratio is not None]


def finding_by_task(results: Results) -> str:
    """When the rate was found in the runs of each task."""
    lines = [
        [f"`{task}`", str(TASKS[task].steps), finding(results, [task])] for task in results.tasks()
    ]
    heads = ["task", "steps", "share of them before the rate was found, median"]
    return table(heads, [line for line in lines if line[-1]])


def finding(results: Results, tasks: Sequence[str]) -> str:
    """What share of the budget passes before the rate is found: median and most over runs."""
    shares = [
        run.found_at / TASKS[run.task].steps if run.found_at >= 0 else 1.0
        for run in results.runs
        if run.task in tasks
    ]
    if not shares:
        return ""
    return f"{100 * median(shares):.1f} %, at most {100 * max(shares):.1f} %"


def shown(ratio: float | None) -> str:
    """A ratio in few digits."""
    if ratio is None:
        return ""
    if not math.isfinite(ratio):
        return "fails"
    return f"{ratio:.3f}" if ratio < 10 else f"{ratio:.3g}"


def _over_starts(results: Results, task: str, entrant: str) -> float | None:
    medians = [row.median for row in results.of("start", task=task, entrant=entrant)]
    return worst(medians) / min(medians) if medians else None
