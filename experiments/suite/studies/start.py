"""What a starting rate costs that is wrong by up to a thousand."""

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.contenders.contender import Contender
from experiments.suite.studies import facts
from experiments.suite.studies.search import VARIANTS
from experiments.suite.studies.study import WHOLE, Findings, PeakOf, Study, row

TASKS = (
    "quadratic_noisy",
    "digits_mlp",
    "digits_mlp_adam",
    "digits_deep",
    "teacher_likelihood",
    "friedman",
    "moons",
    "digits_deep_tanh",
)
FACTORS = tuple(10.0 ** (half / 2) for half in range(-6, 7))
OF_THEIR_OWN = ("prodigy", "dadapt_adamw", "dog", "mechanic")


def _asks(contender: Contender) -> bool:
    return (
        contender.kind in ("schedules", "started")
        or contender.name in ("greedy", "reduce_on_plateau")
        or contender.name in OF_THEIR_OWN
    )


def _run(bench: Bench, peak_of: PeakOf) -> Findings:
    """Factors are of the tuned cosine's peak, for peers of the first guess that is their own."""
    task, contender = bench.task, bench.contender
    own = contender.name in OF_THEIR_OWN
    base = contender.default(task) if own else peak_of(task)
    shape = {"schedules": "cosine", "started": "flat"}.get(contender.kind, "cosine_factor")
    rates = [float(base * factor) for factor in FACTORS]
    outcome = bench.run([bench.setting(shape, rate, task.steps) for rate in rates], task.steps)
    name = "cosine" if contender.kind == "schedules" else contender.name
    suffix = "+cosine" if shape == "cosine_factor" else ""
    rows = [
        row(name, f"{variant}{suffix}", WHOLE, rates[at], losses[at], f"{factor:.4g}")
        for at, factor in enumerate(FACTORS)
        for variant, losses in zip(VARIANTS, (outcome.held_out, outcome.averaged), strict=True)
        if variant == "last"
    ]
    runs = [
        {"case": f"{factor:.4g}", **fact}
        for at, factor in enumerate(FACTORS)
        for fact in facts.of_runs(outcome, at)
    ]
    return Findings(rows, runs if np.any([run["found_at"] >= 0 for run in runs]) else [])


STUDY = Study(
    "start",
    "final loss for starting rates from a thousandth to a thousand times the best",
    TASKS,
    _asks,
    _run,
    __name__,
)
