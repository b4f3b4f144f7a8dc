"""Histories of comparisons that nobody trained."""

import numpy as np

from experiments.configuration import Configuration
from experiments.history import empty_history
from experiments.tables import summarize


def made_up(names, seeds=2, steps=60):
    """Histories without training: contender i ends at an accuracy of 0.5 + i / 100."""
    configuration = Configuration("digits", tuple(names), seeds, steps, 0.3, 3, "none")
    evaluations = np.linspace(0, 1, steps // 3, dtype=np.float32)
    histories = {}
    for i, name in enumerate(names):
        history = empty_history(configuration)
        history.train_loss[:] = np.linspace(2, 0.1, steps, dtype=np.float32)
        history.learning_rate[:] = 0.3
        history.condition[:] = 0
        history.train_accuracy[:] = evaluations
        history.held_out_loss[:] = 2 - evaluations
        history.held_out_accuracy[:] = evaluations * np.float32(0.5 + i / 100)
        histories[name] = history
    return configuration, histories, summarize(configuration, histories)
