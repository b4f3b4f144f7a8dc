"""How far down every contender gets: at the whole budget, half and a quarter of it."""

import functools

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.rates import SHAPES
from experiments.suite.studies import facts
from experiments.suite.studies.search import VARIANTS, search
from experiments.suite.studies.study import BUDGETS, WHOLE, Findings, PeakOf, Study, row
from experiments.suite.training import MARKS, Outcome


def _run(bench: Bench, peak_of: PeakOf) -> Findings:
    return {
        "schedules": _schedules,
        "tuned": _tuned,
        "free": _free,
        "known": _known,
        "anytime": _anytime,
    }[bench.contender.kind](bench)


def _steps(bench: Bench, budget: float) -> int:
    return round(budget * bench.task.steps)


def _mark(budget: float) -> int:
    return round(budget * MARKS)


def _schedules(bench: Bench) -> Findings:
    rows = []
    near = bench.contender.default(bench.task)
    for budget in reversed(BUDGETS):
        bests = search(bench, SHAPES, _steps(bench, budget), near)
        near = bests["cosine", "last"].rate
        rows += [
            row(shape, variant, budget, best.rate, best.losses)
            for (shape, variant), best in bests.items()
        ]
    return Findings(rows)


def _tuned(bench: Bench) -> Findings:
    """Without a schedule, one search serves all budgets; each takes its own best rate."""
    rows = []
    near = bench.contender.default(bench.task)
    for budget in reversed(BUDGETS):
        best = search(bench, ("flat",), _steps(bench, budget), near)["flat", "last"]
        near = best.rate
        rows.append(row(bench.contender.name, "last", budget, best.rate, best.losses))
    return Findings(rows)


def _free(bench: Bench) -> Findings:
    number = bench.contender.default(bench.task)
    steps = bench.task.steps
    settings = [bench.setting(shape, number, steps) for shape in ("flat", "cosine_factor")]
    outcome = bench.run(settings, steps)
    flat, cosine = (
        dict(zip(VARIANTS, (outcome.held_out[at], outcome.averaged[at]), strict=True))
        for at in range(2)
    )
    named = functools.partial(row, bench.contender.name)
    rows = [
        named(variant, budget, number, losses, mark=_mark(budget))
        for variant, losses in flat.items()
        for budget in BUDGETS
    ]
    rows += [
        named(f"{variant}+cosine", WHOLE, number, losses) for variant, losses in cosine.items()
    ]
    return Findings(rows, facts.of_runs(outcome), facts.trace(outcome))


def _known(bench: Bench) -> Findings:
    outcomes = {}
    for budget in BUDGETS:
        steps = _steps(bench, budget)
        outcomes[budget] = bench.run([bench.setting("flat", np.nan, steps)], steps)
    rows = [
        row(bench.contender.name, "last", budget, np.nan, outcome.held_out[0])
        for budget, outcome in outcomes.items()
    ]
    return _with_facts(rows, outcomes[WHOLE])


def _anytime(bench: Bench) -> Findings:
    name, steps = bench.contender.name, bench.task.steps
    outcome = bench.run([bench.setting("flat", np.nan, steps)], steps)
    rows = [
        row(name, "averaged", budget, np.nan, outcome.held_out[0], mark=_mark(budget))
        for budget in BUDGETS
    ]
    return _with_facts(rows, outcome)


def _with_facts(rows: list, outcome: Outcome) -> Findings:
    return Findings(rows, facts.of_runs(outcome), facts.trace(outcome))


STUDY = Study(
    "final",
    "held-out loss at a quarter, half and the whole of the budget",
    None,
    lambda contender: contender.kind != "started",
    _run,
    __name__,
)
