"""What the ways of training came to, as tables."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.batch_size.training import Curves
from experiments.files import csv_text
from experiments.tables import Spread, spread, spread_cells, spread_columns

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
            spread(found.held_out_loss[:, -1]),
            spread(found.held_out_accuracy[:, -1]),
            spread(found.updates[:, -1]),
        )
        for arm, found in curves.items()
    ]


def curves_csv(curves: Mapping[str, Curves]) -> str:
    """A row for each way of training, seed and epoch."""
    rows = (
        [arm, seed, epoch + 1, *(f"{numbers[seed, epoch]:.6g}" for numbers in found)]
        for arm, found in curves.items()
        for seed, epoch in np.ndindex(found.updates.shape)
    )
    return csv_text(CURVE_COLUMNS, rows)


def summary_csv(found: list[Ending]) -> str:
    """Mean, least and greatest over seeds of how each way of training ended."""
    columns = ["arm", *spread_columns(Ending._fields[1:])]
    return csv_text(columns, ([ending.arm, *spread_cells(ending[1:])] for ending in found))
