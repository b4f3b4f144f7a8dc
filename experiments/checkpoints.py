"""Keeps the progress of each contender on disk, so that a run that was killed can go on."""

import logging
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import orbax.checkpoint as ocp

from experiments.errors import UsageError
from experiments.runner import Progress

logging.getLogger("absl").setLevel(logging.ERROR)


class Checkpoints:
    """The latest progress of one contender; orbax writes it elsewhere first and moves it."""

    def __init__(self, folder: Path):
        self._folder = folder
        options = ocp.CheckpointManagerOptions(max_to_keep=1, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def restore(self, fresh: Progress) -> Progress:
        """The latest progress, or ``fresh`` where nothing was saved; both of one structure."""
        latest = self._manager.latest_step()
        if latest is None:
            return fresh
        wanted = jax.tree.map(_description, fresh)
        try:
            saved = self._manager.restore(latest, args=ocp.args.StandardRestore(wanted))
        except (ValueError, OSError) as error:
            raise UsageError(
                f"{self._folder} holds a checkpoint that cannot be read: remove that folder, "
                "and what it held is trained again."
            ) from error
        return cast(Progress, saved)

    def save(self, progress: Progress) -> None:
        """Replace what was saved before."""
        self._manager.save(int(progress.steps_done), args=ocp.args.StandardSave(progress))

    def close(self) -> None:
        """Wait for what is being written."""
        self._manager.close()


def _description(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
