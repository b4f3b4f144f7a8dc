"""The tables of the report, in markdown."""

import math
from collections.abc import Sequence

from experiments.markdown import table
from experiments.suite.results import Results
from experiments.suite.scores import geometric_mean, worst
from experiments.suite.studies.drift import AFRESH
from experiments.suite.studies.search import median
from experiments.suite.studies.study import BUDGETS
from experiments.suite.task_tables import finding, ours_over_starts, shown

OURS_KNOWN = "condition_based"
OURS_ANYTIME = "condition_based_anytime averaged"
SCHEDULES = ("cosine", "linear", "warmup_stable_decay", "constant")
FAULTS = ("nonfinite", "spike", "burst")
PARTS = ("development", "report")
DESCENDED = 0.5
MEASURES = (geometric_mean, median, worst)


def standings(results: Results, alike: bool) -> str:
    """Ratios to the oracle of every entrant at the whole budget, the least mean first.

    Args:
      results: what was found.
      alike: each entrant only where its direction is of the family of the inner optimizer.
    """
    ratios = results.ratios(alike=alike)
    lines = []
    for name, of in ratios.items():
        cells = []
        for part in (*PARTS, None):
            mine = [of[task] for task in results.tasks(part) if task in of]
            cells += [shown(measure(mine)) if mine else "" for measure in MEASURES]
        rank = geometric_mean(of.values())
        lines.append((rank, [f"`{name}`", str(len(of)), *cells, *_beside(ratios, of)]))
    lines.sort(key=lambda line: (line[0], line[1]))
    heads = ["mean", "median", "worst"]
    return table(
        [
            "entrant",
            "tasks",
            *(f"{part}: {head}" for part in (*PARTS, "both") for head in heads),
            "ours on the same tasks, known budget: mean",
            "anytime: mean",
        ],
        [cells for _, cells in lines],
    )


def targets(results: Results) -> str:
    """What was aimed at, and what was reached on development and report tasks."""
    lines = []
    for part in PARTS:
        tasks = results.tasks(part)
        whole = results.ratios()
        if OURS_KNOWN in whole:
            mine = [whole[OURS_KNOWN][task] for task in tasks if task in whole[OURS_KNOWN]]
            lines.append(
                [part, "no rate, known budget", "mean <= 1.00, worst <= 1.05", _pair(mine)]
            )
        for budget in BUDGETS:
            of = results.ratios(budget).get(OURS_ANYTIME, {})
            mine = [of[task] for task in tasks if task in of]
            lines.append(
                [
                    part,
                    f"no rate, no budget, averaged, at {budget:g} T",
                    "mean <= 1.02, worst <= 1.10",
                    _pair(mine),
                ]
            )
        lines.append(
            [
                part,
                "a starting rate wrong by 1e-3 to 1e+3, over its own best start",
                "worst <= 1.05",
                _pair(ours_over_starts(results, tasks)),
            ]
        )
        for alike, where in ((True, "on tasks of their kind"), (False, "on all tasks")):
            ahead = ", ".join(_ahead(results, tasks, alike)) or "none"
            ahead = ahead if OURS_KNOWN in whole else ""
            lines.append([part, f"peers with a lower mean {where}", "none", ahead])
        for entrant in (OURS_KNOWN, OURS_ANYTIME):
            lines.append(
                [
                    part,
                    f"drift, `{entrant}` over the schedule that starts afresh",
                    "<= 1.05",
                    _pair(_drift_ratios(results, tasks, entrant)),
                ]
            )
            lines += [
                [
                    part,
                    f"{case}, `{entrant}` over its undisturbed run",
                    "<= 1.02",
                    _pair(_fault_ratios(results, tasks, entrant, case)),
                ]
                for case in FAULTS
            ]
        failed, runs = failures(results, tasks)
        lines.append([part, "runs that failed", "none", f"{failed} of {runs}" if runs else ""])
        spent = finding(results, tasks)
        lines.append([part, "share of the budget spent on finding the rate", "< 5 %", spent])
    return table(["tasks", "what", "target", "reached"], lines)


def failures(results: Results, tasks: Sequence[str]) -> tuple[int, int]:
    """How many of our runs did not get half as far down as the oracle did, and of how many.

    How far is measured in the loss, from where the run began; a loss that is not finite has
    not got anywhere.
    """
    failed, asked = 0, 0
    for run in results.runs:
        oracle = results.oracle(run.task)
        if run.task not in tasks or oracle is None:
            continue
        least = run.start - DESCENDED * (run.start - oracle.median)
        asked += 1
        failed += not run.loss <= least
    return failed, asked


def faults(results: Results) -> str:
    """The ratio of every entrant's disturbed runs to its undisturbed ones."""
    return _by_entrant(
        results,
        "faults",
        FAULTS,
        lambda tasks, entrant, case: _fault_ratios(results, tasks, entrant, case),
    )


def drift(results: Results) -> str:
    """The ratio of every entrant after a drift to the schedule that starts afresh there."""
    return _by_entrant(
        results,
        "drift",
        ("drift",),
        lambda tasks, entrant, case: _drift_ratios(results, tasks, entrant),
    )


def _by_entrant(results: Results, study: str, cases: Sequence[str], ratios) -> str:
    entrants = dict.fromkeys(row.entrant for row in results.of(study) if row.contender != AFRESH)
    tasks = results.tasks()
    lines = []
    for entrant in entrants:
        pairs = [ratios(tasks, entrant, case) for case in cases]
        rank = geometric_mean([ratio for pair in pairs for ratio in pair] or [math.inf])
        lines.append((rank, [f"`{entrant}`", *map(_pair, pairs)]))
    lines.sort(key=lambda line: (line[0], line[1]))
    return table(["entrant", *cases], [cells for _, cells in lines])


def _ahead(results: Results, tasks: Sequence[str], alike: bool) -> list[str]:
    """The entrants that did better than ours with a known budget on the tasks they share."""
    ratios = results.ratios(alike=alike)
    ours = ratios.get(OURS_KNOWN, {})
    ahead = []
    for name, of in ratios.items():
        shared = [task for task in tasks if task in of and task in ours]
        tuned = name in (*SCHEDULES, *(f"{shape} averaged" for shape in SCHEDULES))
        if tuned or name.startswith(OURS_KNOWN) or not shared:
            continue
        theirs = geometric_mean([of[task] for task in shared])
        if theirs < geometric_mean([ours[task] for task in shared]):
            ahead.append(f"`{name}` {shown(theirs)} ({len(shared)} tasks)")
    return ahead


def _drift_ratios(results: Results, tasks: Sequence[str], entrant: str) -> list[float]:
    found = []
    for task in tasks:
        rows = results.of("drift", task=task)
        afresh = [row.median for row in rows if row.contender == AFRESH]
        mine = [row.median for row in rows if row.entrant == entrant]
        if afresh and mine:
            found.append(mine[0] / afresh[0])
    return found


def _fault_ratios(results: Results, tasks: Sequence[str], entrant: str, case: str) -> list[float]:
    found = []
    for task in tasks:
        mine = {row.case: row.median for row in results.of("faults", task=task, entrant=entrant)}
        if case in mine and "undisturbed" in mine:
            found.append(mine[case] / mine["undisturbed"])
    return found


def _beside(ratios: dict[str, dict[str, float]], of: dict[str, float]) -> list[str]:
    """Our means on the tasks that another entrant ran on."""
    cells = []
    for name in (OURS_KNOWN, OURS_ANYTIME):
        ours = ratios.get(name, {})
        cells.append(
            shown(geometric_mean([ours[task] for task in of])) if set(of) <= set(ours) else ""
        )
    return cells


def _pair(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    return f"{shown(geometric_mean(ratios))}, worst {shown(worst(ratios))} ({len(ratios)} tasks)"
