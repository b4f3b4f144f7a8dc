"""What is measured while one contender is trained."""

from typing import NamedTuple

import numpy as np

from experiments.configuration import Configuration


class History(NamedTuple):
    """Measurements of all seeds; NaN, and -1 for conditions, where nothing is measured yet.

    Attributes:
      train_loss: the mean loss of each minibatch before the update, (seeds, steps).
      learning_rate: the rate of each update, (seeds, steps).
      condition: what the policy saw at each update, (seeds, steps), int32.
      train_accuracy: over the minibatches since the last evaluation, each before its update,
        (seeds, evaluations).
      held_out_loss: over all held-out images, (seeds, evaluations).
      held_out_accuracy: over all held-out images, (seeds, evaluations).
    """

    train_loss: np.ndarray
    learning_rate: np.ndarray
    condition: np.ndarray
    train_accuracy: np.ndarray
    held_out_loss: np.ndarray
    held_out_accuracy: np.ndarray


def empty_history(configuration: Configuration) -> History:
    """Room for every measurement of one contender."""
    per_step = (configuration.seeds, configuration.steps)
    per_evaluation = (configuration.seeds, len(configuration.evaluations()))
    return History(
        train_loss=np.full(per_step, np.nan, np.float32),
        learning_rate=np.full(per_step, np.nan, np.float32),
        condition=np.full(per_step, -1, np.int32),
        train_accuracy=np.full(per_evaluation, np.nan, np.float32),
        held_out_loss=np.full(per_evaluation, np.nan, np.float32),
        held_out_accuracy=np.full(per_evaluation, np.nan, np.float32),
    )
