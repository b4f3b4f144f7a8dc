"""The numbers of a comparison: one row per step, and one row per contender."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

import optax_aware as oa
from experiments.configuration import Configuration
from experiments.contenders.catalogue import find_contender
from experiments.files import csv_text
from experiments.history import History

RESULT_COLUMNS = (
    "contender",
    "seed",
    "step",
    "train_loss",
    "learning_rate",
    "condition",
    "train_accuracy",
    "held_out_loss",
    "held_out_accuracy",
)


class Spread(NamedTuple):
    """A number over seeds."""

    mean: float
    least: float
    most: float


class Summary(NamedTuple):
    """How one contender ended.

    Attributes:
      contender: its name.
      kind: schedule or policy.
      held_out_accuracy: after the last update.
      held_out_loss: after the last update.
      train_accuracy: over the minibatches since the evaluation before the last.
      train_loss: over the same minibatches.
      learning_rate: of the last update.
    """

    contender: str
    kind: str
    held_out_accuracy: Spread
    held_out_loss: Spread
    train_accuracy: Spread
    train_loss: Spread
    learning_rate: Spread


def summarize(configuration: Configuration, histories: Mapping[str, History]) -> list[Summary]:
    """One summary a contender, the most accurate on held-out images first."""
    evaluations = [0, *configuration.evaluations()]
    last_interval = slice(evaluations[-2], evaluations[-1])
    summaries = [
        Summary(
            contender=name,
            kind=find_contender(name).kind,
            held_out_accuracy=spread(history.held_out_accuracy[:, -1]),
            held_out_loss=spread(history.held_out_loss[:, -1]),
            train_accuracy=spread(history.train_accuracy[:, -1]),
            train_loss=spread(history.train_loss[:, last_interval].mean(axis=1)),
            learning_rate=spread(history.learning_rate[:, -1]),
        )
        for name, history in histories.items()
    ]
    return sorted(summaries, key=_rank)


def results_csv(configuration: Configuration, histories: Mapping[str, History]) -> str:
    """Every measurement: what a row says of held-out images was measured after its update."""
    return csv_text(RESULT_COLUMNS, _result_rows(configuration, histories))


def _result_rows(
    configuration: Configuration, histories: Mapping[str, History]
) -> Iterator[list[Any]]:
    evaluation_at = {step - 1: i for i, step in enumerate(configuration.evaluations())}
    for name, history in histories.items():
        for seed in range(configuration.seeds):
            for step in range(configuration.steps):
                measured = [""] * 3
                if step in evaluation_at:
                    at = (seed, evaluation_at[step])
                    measured = [
                        history.train_accuracy[at],
                        history.held_out_loss[at],
                        history.held_out_accuracy[at],
                    ]
                condition = oa.CONDITIONS[history.condition[seed, step]]
                loss, rate = history.train_loss[seed, step], history.learning_rate[seed, step]
                yield [name, seed, step, loss, rate, condition, *measured]


def summary_csv(summaries: list[Summary]) -> str:
    """Mean, least and greatest over seeds of how each contender ended."""
    columns = ["contender", "kind", *spread_columns(Summary._fields[2:])]
    rows = [[one.contender, one.kind, *spread_cells(one[2:])] for one in summaries]
    return csv_text(columns, rows)


def spread_columns(measured: Iterable[str]) -> list[str]:
    """The columns of what was measured over seeds."""
    return [f"{field}_{part}" for field in measured for part in Spread._fields]


def spread_cells(spreads: Iterable[Spread]) -> list[str]:
    """The cells of `spread_columns`."""
    return [f"{number:.6g}" for spread in spreads for number in spread]


def spread(over_seeds: np.ndarray) -> Spread:
    """Mean, least and greatest."""
    return Spread(float(np.mean(over_seeds)), float(np.min(over_seeds)), float(np.max(over_seeds)))


def _rank(summary: Summary) -> tuple[float, float]:
    """Accuracy first, loss second; what is not a number comes last."""
    loss = summary.held_out_loss.mean
    return -summary.held_out_accuracy.mean, loss if np.isfinite(loss) else np.inf
