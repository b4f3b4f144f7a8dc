"""Event files that TensorBoard shows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter

from experiments.configuration import Configuration
from experiments.history import History


def write_events(
    folder: Path, configuration: Configuration, histories: Mapping[str, History]
) -> None:
    """One run per contender and seed, with every number that is finite."""
    steps = range(configuration.steps)
    evaluated = [step - 1 for step in configuration.evaluations()]
    for name, history in histories.items():
        curves = {
            "loss/train": (steps, history.train_loss),
            "loss/held_out": (evaluated, history.held_out_loss),
            "accuracy/train": (evaluated, history.train_accuracy),
            "accuracy/held_out": (evaluated, history.held_out_accuracy),
            "learning_rate": (steps, history.learning_rate),
            "condition": (steps, history.condition),
        }
        for seed in range(configuration.seeds):
            with SummaryWriter(str(folder / name / f"seed-{seed}")) as writer:
                for tag, (at, values) in curves.items():
                    for step, value in zip(at, values[seed].tolist(), strict=True):
                        if np.isfinite(value):
                            writer.add_scalar(tag, value, step)
