"""The events of a run, from its whole history, in plain Python."""

import dataclasses
import math
from collections.abc import Sequence

CAPACITY = 64
ACTIONS = ("scaled", "skipped", "rewound", "cooled", "relearned")


@dataclasses.dataclass
class Step:
    """What happened in one step: the policy's part, the rate used, and the cooldown."""

    condition: str
    scale: float
    rate: float
    value_mean: float
    skipped: bool = False
    rewound: bool = False
    settling: bool = False
    cooldown: float = 1.0


def events(steps: Sequence[Step]) -> tuple[list[tuple], int]:
    """Return the newest events and the number of those that had to make room for them.

    An event is (first step, last step, condition, action, rate before, rate after, value mean).
    """
    found: list[list] = []
    scale_before, rate_before = 1.0, math.inf
    announced = 1.0
    for number, step in enumerate(steps):
        if step.settling:
            continue
        action = "relearned" if step.condition == "drifted" else None
        if step.scale != scale_before:
            action = "scaled"
        if step.skipped:
            action = "skipped"
        if step.rewound:
            action = "rewound"
        condition = step.condition

        cools = step.cooldown < 1.0 and not step.skipped and not step.rewound
        first_time = cools and (announced == 1.0 or (step.cooldown == 0.0 and announced > 0.0))
        if cools and (first_time or action is None):
            action = "cooled"
            condition = "cooling" if step.cooldown > 0.0 else "done"
        if first_time:
            announced = step.cooldown

        if action is not None:
            newest = found[-1] if found else None
            same = newest is not None and newest[1:4] == [number - 1, condition, action]
            if same:
                newest[1] = number
                newest[5:] = [step.rate, step.value_mean]
            elif action != "cooled" or first_time:
                row = [number, number, condition, action]
                found.append([*row, rate_before, step.rate, step.value_mean])
        scale_before, rate_before = step.scale, step.rate
    return [tuple(row) for row in found[-CAPACITY:]], max(0, len(found) - CAPACITY)
