"""What the ways of training came to, as tables."""

import csv
import io
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.batch_size.training import Curves
from experiments.tables import Spread

CURVE_COLUMNS = ("arm", "seed", "epoch", *Curves._fields)


class Ending(NamedTuple):
    """How the seeds of one way of training ended."""

    arm: str
    held_out_loss: Spread
    held_out_accuracy: Spread
    updates: Spread


def endings(curves: Mapping[str, Curves]) -> list[Ending]:
    """One a way of training, in the order given."""
    return [
        Ending(
            arm,
            _spread(found.held_out_loss[:, -1]),
            _spread(found.held_out_accuracy[:, -1]),
            _spread(found.updates[:, -1]),
        )
        for arm, found in curves.items()
    ]


def curves_csv(curves: Mapping[str, Curves]) -> str:
    """A row for each way of training, seed and epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for arm, found in curves.items():
        for seed, epoch in np.ndindex(found.updates.shape):
            measured = (f"{numbers[seed, epoch]:.6g}" for numbers in found)
            writer.writerow([arm, seed, epoch + 1, *measured])
    return text.getvalue()


def summary_csv(found: list[Ending]) -> str:
    """Mean, least and greatest over seeds of how each way of training ended."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measured = Ending._fields[1:]
    writer.writerow(["arm", *(f"{field}_{part}" for field in measured for part in Spread._fields)])
    for ending in found:
        numbers = (f"{number:.6g}" for spread in ending[1:] for number in spread)
        writer.writerow([ending.arm, *numbers])
    return text.getvalue()


def _spread(over_seeds: np.ndarray) -> Spread:
    return Spread(float(np.mean(over_seeds)), float(np.min(over_seeds)), float(np.max(over_seeds)))
