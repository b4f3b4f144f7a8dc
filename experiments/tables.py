"""The numbers of a comparison: one row per step, and one row per contender."""

import csv
import io
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

import optax_aware as oa
from experiments.configuration import Configuration
from experiments.contenders.catalogue import find_contender
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
            held_out_accuracy=_spread(history.held_out_accuracy[:, -1]),
            held_out_loss=_spread(history.held_out_loss[:, -1]),
            train_accuracy=_spread(history.train_accuracy[:, -1]),
            train_loss=_spread(history.train_loss[:, last_interval].mean(axis=1)),
            learning_rate=_spread(history.learning_rate[:, -1]),
        )
        for name, history in histories.items()
    ]
    return sorted(summaries, key=_rank)


def results_csv(configuration: Configuration, histories: Mapping[str, History]) -> str:
    """Every measurement: what a row says of held-out images was measured after its update."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(RESULT_COLUMNS)
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
                writer.writerow([name, seed, step, loss, rate, condition, *measured])
    return text.getvalue()


def summary_csv(summaries: list[Summary]) -> str:
    """Mean, least and greatest over seeds of how each contender ended."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measured = Summary._fields[2:]
    writer.writerow(
        ["contender", "kind", *(f"{field}_{part}" for field in measured for part in Spread._fields)]
    )
    for summary in summaries:
        numbers = [f"{number:.6g}" for spread in summary[2:] for number in spread]
        writer.writerow([summary.contender, summary.kind, *numbers])
    return text.getvalue()


def _spread(over_seeds: np.ndarray) -> Spread:
    return Spread(float(np.mean(over_seeds)), float(np.min(over_seeds)), float(np.max(over_seeds)))


def _rank(summary: Summary) -> tuple[float, float]:
    """Accuracy first, loss second; what is not a number comes last."""
    loss = summary.held_out_loss.mean
    return -summary.held_out_accuracy.mean, loss if np.isfinite(loss) else np.inf
