"""What single runs of this library's policies can tell."""

from typing import Any

import numpy as np

import optax_aware as oa
from experiments.suite.training import Outcome

SEARCHING = tuple(oa.CONDITIONS.index(name) for name in ("listening", "ramping"))
POINTS = 300


def of_runs(outcome: Outcome, setting: int = 0, first_seed: int = 0) -> list[dict[str, Any]]:
    """For every seed when the rate was found, how often it went back, and its last rate."""
    if outcome.condition.shape[-1] == 0:
        return []
    return [
        {
            "seed": first_seed + seed,
            "found_at": _found_at(outcome.condition[setting, seed]),
            "rewinds": int(outcome.rewinds[setting, seed]),
            "last_rate": _number(outcome.rate[setting, seed, -1]),
        }
        for seed in range(outcome.condition.shape[1])
    ]


def trace(outcome: Outcome, setting: int = 0, seed: int = 0) -> dict[str, list]:
    """Training loss, rate and condition of one run at up to 300 steps.

    Losses are means over the steps up to the next one shown; rate and condition are those of
    the step itself.
    """
    if outcome.condition.shape[-1] == 0:
        return {}
    value = outcome.value[setting, seed]
    starts = np.unique(np.linspace(0, len(value), POINTS, endpoint=False).astype(int))
    sizes = np.diff([*starts, len(value)])
    return {
        "step": [int(start) for start in starts],
        "value": [_number(mean) for mean in np.add.reduceat(value, starts) / sizes],
        "rate": [_number(rate) for rate in outcome.rate[setting, seed][starts]],
        "condition": [int(one) for one in outcome.condition[setting, seed][starts]],
    }


def _found_at(conditions: np.ndarray) -> int:
    """The first step at which the policy neither listens nor ramps; -1 if there is none."""
    found = np.flatnonzero(~np.isin(conditions, SEARCHING))
    return int(found[0]) if len(found) else -1


def _number(value: Any) -> float:
    return float(f"{float(value):.5g}")
