"""What is to be trained: everything that decides the numbers that come out, and nothing else."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.contenders.catalogue import USUAL, find_contender
from experiments.errors import UsageError
from experiments.workloads import find_workload

LEARNING_RATE = 0.3
LEAST_EVALUATIONS = 20


@dataclass(frozen=True)
class Configuration:
    """One comparison.

    Attributes:
      workload: the name of what is trained.
      contenders: the names of what decides the learning rate, in the order of training.
      seeds: how many runs of each, with the seeds 0, 1, ...
      steps: updates of one run.
      learning_rate: the base rate; every contender's rates are in proportion to it.
      evaluate_every: updates from one evaluation to the next, in one compiled loop.
      data: the fingerprint of the data set.
    """

    workload: str
    contenders: tuple[str, ...]
    seeds: int
    steps: int
    learning_rate: float
    evaluate_every: int
    data: str

    def to_json(self) -> dict[str, Any]:
        """What ``config.json`` holds."""
        return {**dataclasses.asdict(self), "contenders": list(self.contenders)}

    def evaluations(self) -> list[int]:
        """How many updates were made when the held-out images are looked at."""
        return [*range(self.evaluate_every, self.steps, self.evaluate_every), self.steps]


def configure(
    workload_name: str,
    contender_names: Sequence[str],
    seeds: int,
    steps: int | None,
    learning_rate: float,
    data: str,
) -> Configuration:
    """Fill in what was not said."""
    workload = find_workload(workload_name)
    check_request(workload_name, contender_names, seeds, steps, learning_rate)
    if steps is None:
        steps = workload.epochs * workload.steps_per_epoch
    return Configuration(
        workload=workload_name,
        contenders=tuple(contender_names) or USUAL,
        seeds=seeds,
        steps=steps,
        learning_rate=learning_rate,
        evaluate_every=_evaluation_interval(steps, workload.steps_per_epoch),
        data=data,
    )


def check_request(
    workload_name: str,
    contender_names: Sequence[str],
    seeds: int,
    steps: int | None,
    learning_rate: float,
) -> None:
    """Refuse what cannot be trained, before anything is loaded."""
    find_workload(workload_name)
    for position, name in enumerate(contender_names):
        find_contender(name)
        if name in contender_names[:position]:
            raise UsageError(f"--contender names {name} twice.")
    if seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {seeds}.")
    if steps is not None and steps < 1:
        raise UsageError(f"--steps must be at least 1, got {steps}.")
    if not (math.isfinite(learning_rate) and learning_rate > 0.0):
        raise UsageError(f"--learning-rate must be a number above 0, got {learning_rate:g}.")


def differences(earlier: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """What two configurations do not agree on, as words for a person."""
    absent = "nothing"
    return [
        f"{key} was {_shown(earlier.get(key, absent))}, now {_shown(present.get(key, absent))}"
        for key in sorted({*earlier, *present})
        if earlier.get(key, absent) != present.get(key, absent)
    ]


def _evaluation_interval(steps: int, steps_per_epoch: int) -> int:
    """At most an epoch, at least twenty a run; a divisor of the steps where one is near.

    A last interval that is shorter than the others would be compiled on its own.
    """
    longest = min(steps_per_epoch, math.ceil(steps / LEAST_EVALUATIONS))
    divisors = [n for n in range(longest, longest // 2, -1) if steps % n == 0]
    return divisors[0] if divisors else longest


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
