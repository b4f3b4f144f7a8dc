"""Trains the contenders one after another and writes down what was found."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments import folder as folders
from experiments import metadata, plots, tables, tensorboard
from experiments.checkpoints import Checkpoints
from experiments.configuration import Configuration
from experiments.contenders.plan import Plan
from experiments.contenders.transformation import transformation
from experiments.data.dataset import Dataset
from experiments.history import History
from experiments.runner import Progress, Trainer
from experiments.workloads import find_workload

METADATA_FILE = "metadata.json"

Listener = Callable[[str, Progress], None]


def train_all(
    configuration: Configuration,
    dataset: Dataset,
    folder: Path,
    checkpoint_seconds: float,
    listener: Listener,
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

    Returns:
      How each contender ended, the best first.
    """
    started = datetime.now(UTC)
    workload = find_workload(configuration.workload)
    trainer = Trainer(configuration, dataset, workload.model(), workload.batch_size)
    histories: dict[str, History] = {}
    seconds: dict[str, float] = {}
    for name in configuration.contenders:
        begun = time.monotonic()
        checkpoints = Checkpoints(folder / "checkpoints" / name)
        histories[name] = _train_one(
            trainer, name, configuration, checkpoints, checkpoint_seconds, listener
        )
        seconds[name] = round(time.monotonic() - begun, 3)
    summaries = tables.summarize(configuration, histories)
    _write_outputs(folder, configuration, histories, summaries)
    invocations = [
        *metadata.earlier_invocations(folder / METADATA_FILE),
        _invocation(started, seconds),
    ]
    folders.write_json(
        folder / METADATA_FILE,
        {
            "workload": {
                "name": workload.name,
                "batch_size": workload.batch_size,
                "steps_per_epoch": workload.steps_per_epoch,
                "seeds": list(range(configuration.seeds)),
            },
            **metadata.describe_machine(),
            "invocations": invocations,
        },
    )
    return summaries


def _train_one(
    trainer: Trainer,
    name: str,
    configuration: Configuration,
    checkpoints: Checkpoints,
    checkpoint_seconds: float,
    listener: Listener,
) -> History:
    contender = transformation(name, Plan(configuration.steps, configuration.learning_rate))
    reached = checkpoints.restore(trainer.start(contender))
    if int(reached.steps_done) == configuration.steps:
        listener(name, reached)
    history = reached.history
    saved = time.monotonic()
    for progress in trainer.train(contender, reached):
        finished = int(progress.steps_done) == configuration.steps
        if finished or time.monotonic() - saved >= checkpoint_seconds:
            checkpoints.save(progress)
            saved = time.monotonic()
        listener(name, progress)
        history = progress.history
    checkpoints.close()
    return history


def _write_outputs(
    folder: Path,
    configuration: Configuration,
    histories: dict[str, History],
    summaries: list[tables.Summary],
) -> None:
    folders.write_text(folder / "results.csv", tables.results_csv(configuration, histories))
    folders.write_text(folder / "summary.csv", tables.summary_csv(summaries))
    folders.write_whole(
        folder / "tensorboard",
        lambda partial: tensorboard.write_events(partial, configuration, histories),
    )
    folders.write_whole(
        folder / "comparison.png",
        lambda partial: plots.save_figure(partial, configuration, histories, summaries),
    )


def _invocation(started: datetime, seconds: dict[str, float]) -> dict[str, Any]:
    """What was called when and how long it took; a run that was resumed has several."""
    return {
        "command": ["python", "-m", "experiments", *sys.argv[1:]],
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
    }
