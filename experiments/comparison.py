"""Trains the contenders one after another and writes down what was found."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np

from experiments import files, processes, tables, tensorboard
from experiments.checkpoints import Checkpoints
from experiments.configuration import Configuration
from experiments.contenders.plan import Plan
from experiments.contenders.transformation import transformation
from experiments.data.dataset import Dataset
from experiments.history import History
from experiments.metadata import Invocation
from experiments.placement import Placement
from experiments.runner import Progress, Trainer
from experiments.workloads import find_workload

Listener = Callable[[str, Progress], None]
Output = Callable[[Path, Configuration, Mapping[str, History], list[tables.Summary]], None]


def train_all(
    configuration: Configuration,
    dataset: Dataset,
    folder: Path,
    checkpoint_seconds: float,
    listener: Listener,
    invocation: Invocation | None,
    outputs: Mapping[str, Output],
    placement: Placement | None = None,
) -> list[tables.Summary]:
    """Train every contender, or what is left of it, and write all outputs into ``folder``.

    Args:
      configuration: what is trained.
      dataset: what it is trained on.
      folder: claimed for this configuration.
      checkpoint_seconds: the least time between two checkpoints of one contender; its last
        state is always kept.
      listener: told of the contender and its progress after every evaluation, and once for
        a contender that was finished earlier.
      invocation: keeps how long each contender took; None in all processes but the first, which
        alone writes anything.
      outputs: name of a file → what writes it, besides the numbers.
      placement: the devices that are trained on. Default: the first one.

    Returns:
      How each contender ended, the best first.
    """
    workload = find_workload(configuration.workload)
    trainer = Trainer(configuration, dataset, workload.model(), workload.batch_size, placement)
    histories: dict[str, History] = {}
    for name in configuration.contenders:
        begun = time.monotonic()
        kept_in = None if invocation is None else folder / "checkpoints" / name
        histories[name] = _train_one(
            trainer, name, configuration, kept_in, checkpoint_seconds, listener
        )
        with processes.together():
            if invocation is not None:
                invocation.trained(name, time.monotonic() - begun)
    summaries = tables.summarize(configuration, histories)
    with processes.together():
        if invocation is not None:
            _write_numbers(folder, configuration, histories, summaries)
            for name, write in outputs.items():
                files.write_whole(
                    folder / name,
                    lambda partial, write=write: write(
                        partial, configuration, histories, summaries
                    ),
                )
            invocation.finish()
    return summaries


def _train_one(
    trainer: Trainer,
    name: str,
    configuration: Configuration,
    kept_in: Path | None,
    checkpoint_seconds: float,
    listener: Listener,
) -> History:
    contender = transformation(name, Plan(configuration.steps, configuration.learning_rate))
    reached = jax.tree.map(np.asarray, trainer.start(contender))
    checkpoints = None
    with processes.together():
        if kept_in is not None:
            checkpoints = Checkpoints(kept_in)
            reached = checkpoints.restore(reached)
    reached = processes.from_first(reached)
    if int(reached.steps_done) == configuration.steps:
        listener(name, reached)
    history = reached.history
    saved = time.monotonic()
    for progress in trainer.train(contender, reached):
        finished = int(progress.steps_done) == configuration.steps
        with processes.together():
            if checkpoints is not None and (
                finished or time.monotonic() - saved >= checkpoint_seconds
            ):
                checkpoints.save(jax.tree.map(np.asarray, progress))
                saved = time.monotonic()
        listener(name, progress)
        history = progress.history
    with processes.together():
        if checkpoints is not None:
            checkpoints.close()
    return history


def _write_numbers(
    folder: Path,
    configuration: Configuration,
    histories: dict[str, History],
    summaries: list[tables.Summary],
) -> None:
    files.write_text(folder / "results.csv", tables.results_csv(configuration, histories))
    files.write_text(folder / "summary.csv", tables.summary_csv(summaries))
    files.write_whole(
        folder / "tensorboard",
        lambda partial: tensorboard.write_events(partial, configuration, histories),
    )
