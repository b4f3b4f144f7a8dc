"""Whether any of twenty runs fails."""

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.studies import facts
from experiments.suite.studies.study import WHOLE, Findings, PeakOf, Study, row

SEEDS = 20


def _run(bench: Bench, peak_of: PeakOf) -> Findings:
    steps = bench.task.steps
    losses, runs = [], []
    for first_seed in range(0, SEEDS, bench.seeds):
        outcome = bench.run([bench.setting("flat", np.nan, steps)], steps, first_seed=first_seed)
        losses.append(outcome.held_out[0])
        runs += facts.of_runs(outcome, first_seed=first_seed)
    variant = "last" if bench.contender.kind == "known" else "averaged"
    everything = np.concatenate(losses)[:SEEDS]
    return Findings([row(bench.contender.name, variant, WHOLE, np.nan, everything)], runs[:SEEDS])


STUDY = Study(
    "failures",
    "twenty seeds of our own on every task",
    None,
    lambda contender: contender.kind in ("known", "anytime"),
    _run,
    __name__,
)
