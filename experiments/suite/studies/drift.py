"""What a drift costs: from half of the run on all answers are others."""

import numpy as np

from experiments.suite.bench import Bench
from experiments.suite.rates import SHAPES
from experiments.suite.studies.faults import disturbed
from experiments.suite.studies.search import Best, median, search
from experiments.suite.studies.study import WHOLE, Findings, PeakOf, Study, row
from experiments.suite.training import Disturbance, Setting

TASKS = (
    "quadratic_noisy",
    "digits_logistic",
    "digits_mlp",
    "digits_mlp_adam",
    "teacher",
    "breast_cancer",
    "friedman",
    "digits_deep_tanh",
)
CASE = "drift"
AFRESH = "afresh"


def _run(bench: Bench, peak_of: PeakOf) -> Findings:
    steps = bench.task.steps
    altered = np.arange(steps) >= steps // 2
    drift = Disturbance(np.ones(steps, np.float32), altered, np.bool_(True))
    rows = disturbed(bench, peak_of, CASE, drift)
    if bench.contender.kind == "schedules":
        best = _afresh(bench, peak_of(bench.task), drift)
        rows.append(row(AFRESH, "last", WHOLE, best.rate, best.losses, CASE))
    return Findings(rows)


def _afresh(bench: Bench, near: float, drift: Disturbance) -> Best:
    """The oracle that is told of the drift: the best tuned schedule that begins again at T/2.

    It goes on from the parameters of that moment, which a schedule of the same shape and peak
    has led to, or from initial ones, whichever ends lower.
    """
    steps = bench.task.steps
    half = steps // 2

    def again(shape: str, peak: float) -> Setting:
        once = bench.setting(shape, peak, half)
        factor = np.array(once.factor)
        factor[half:] = factor[: steps - half]
        return once._replace(factor=factor, steps=steps)

    shapes = [shape for shape in SHAPES if shape != "constant"]
    always = drift._replace(altered=np.ones(steps, bool))
    going_on = search(bench, SHAPES, steps, near, again, drift)
    from_the_start = search(bench, SHAPES, half, near, disturbance=always)
    bests = [found[shape, "last"] for found in (going_on, from_the_start) for shape in shapes]
    return min(bests, key=lambda best: median(best.losses[:, -1]))


STUDY = Study(
    "drift",
    "answers that change at half of the run, against an oracle that starts afresh there",
    TASKS,
    lambda contender: contender.kind not in ("tuned", "started"),
    _run,
    __name__,
)
