"""What faults from outside cost: steps that are not finite, a spike, a burst of wrong batches."""

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.studies.study import WHOLE, Findings, PeakOf, Row, Study, row
from experiments.suite.training import Disturbance, nothing

TASKS = (
    "quadratic_noisy",
    "digits_mlp",
    "digits_mlp_adam",
    "teacher_likelihood",
    "friedman",
    "digits_deep_tanh",
)
NONFINITE_SHARE = 0.01
SPIKE_AT, SPIKE = 0.6, 100.0
BURST_AT, BURST_STEPS = 0.5, 20


def disturbances(steps: int) -> dict[str, Disturbance]:
    """The faults by name; the steps they strike are the same for every contender and seed."""
    calm = nothing(steps)
    struck = np.random.default_rng(29).random(steps) < NONFINITE_SHARE
    struck[0] = False
    nonfinite = np.where(struck, np.nan, 1.0).astype(np.float32)
    spike = np.ones(steps, np.float32)
    spike[round(SPIKE_AT * steps)] = SPIKE
    burst = np.zeros(steps, bool)
    first = round(BURST_AT * steps)
    burst[first : first + BURST_STEPS] = True
    return {
        "undisturbed": calm,
        "nonfinite": calm._replace(blow=nonfinite),
        "spike": calm._replace(blow=spike),
        "burst": calm._replace(altered=burst),
    }


def _run(bench: Bench, peak_of: PeakOf) -> Findings:
    rows: list[Row] = []
    for case, disturbance in disturbances(bench.task.steps).items():
        rows += disturbed(bench, peak_of, case, disturbance)
    return Findings(rows)


def disturbed(bench: Bench, peak_of: PeakOf, case: str, disturbance: Disturbance) -> list[Row]:
    """The rows of one contender under one disturbance, over the whole budget."""
    contender, steps = bench.contender, bench.task.steps
    name = contender.name
    if contender.kind == "schedules":
        rate = peak_of(bench.task)
        outcome = bench.run([bench.setting("cosine", rate, steps)], steps, disturbance)
        return [row("cosine", "last", WHOLE, rate, outcome.held_out[0], case)]
    if contender.kind in ("known", "anytime"):
        variant = "last" if contender.kind == "known" else "averaged"
        outcome = bench.run([bench.setting("flat", np.nan, steps)], steps, disturbance)
        return [row(name, variant, WHOLE, np.nan, outcome.held_out[0], case)]
    number = contender.default(bench.task)
    settings = [bench.setting(shape, number, steps) for shape in ("flat", "cosine_factor")]
    outcome = bench.run(settings, steps, disturbance)
    return [
        row(name, variant + suffix, WHOLE, number, losses[at], case)
        for at, suffix in enumerate(("", "+cosine"))
        for variant, losses in (("last", outcome.held_out), ("averaged", outcome.averaged))
    ]


STUDY = Study(
    "faults",
    "1 % of the steps not finite; a spike of 100 times; 20 batches with wrong answers",
    TASKS,
    lambda contender: contender.kind not in ("tuned", "started"),
    _run,
    __name__,
)
