"""Keeps the progress of each contender on disk, so that a run that was killed can go on."""

import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import orbax.checkpoint as ocp

from experiments.errors import UsageError
from experiments.files import not_writable
from experiments.runner import Progress

# Of what is wrong with a checkpoint a person is told in one line, which the reports of the
# library, an array each, would bury.
for _name in ("absl", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
NEVER_AWAITED = "was never awaited"
warnings.filterwarnings("ignore", f".* {NEVER_AWAITED}", RuntimeWarning)

OS_ERROR = re.compile(r"os_error_code='(\d+)'")


class Checkpoints:
    """The latest progress of one contender; orbax writes it elsewhere first and moves it.

    Of several processes that train together the first keeps them, by itself.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        options = ocp.CheckpointManagerOptions(
            max_to_keep=1,
            enable_async_checkpointing=False,
            create=False,
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=0, active_processes={0}, barrier_sync_key_prefix=folder.name
            ),
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(folder.absolute(), options=options)
        except OSError as error:
            raise not_writable(folder, error) from error

    def restore(self, fresh: Progress) -> Progress:
        """The latest progress, or ``fresh`` where nothing was saved; both of one structure.

        Raises:
          UsageError: if the latest progress cannot be read.
        """
        latest = self._manager.latest_step()
        if latest is None:
            return fresh
        wanted = jax.tree.map(_description, fresh)
        try:
            with _quiet_once_it_fails():
                saved = self._manager.restore(latest, args=ocp.args.StandardRestore(wanted))
        except Exception as error:  # orbax raises this very class for a chunk that is damaged
            raise UsageError(
                f"{self._folder} holds a checkpoint that cannot be read: remove that folder, "
                "and what it held is trained again."
            ) from error
        return cast(Progress, saved)

    def save(self, progress: Progress) -> None:
        """Replace what was saved before.

        Raises:
          UsageError: if the folder cannot be written.
        """
        try:
            with _quiet_once_it_fails():
                self._manager.save(int(progress.steps_done), args=ocp.args.StandardSave(progress))
        except OSError as error:
            raise not_writable(self._folder, error) from error
        except ValueError as error:  # a disk that is full, as tensorstore reports it
            found = OS_ERROR.search(str(error))
            if found is None:
                raise
            number = int(found[1])
            raise not_writable(self._folder, OSError(number, os.strerror(number))) from error

    def close(self) -> None:
        """Wait for what is being written."""
        self._manager.close()


def _description(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)


@contextmanager
def _quiet_once_it_fails() -> Iterator[None]:
    """What is left behind by a body that fails is not reported, however late it turns up."""
    report = sys.unraisablehook
    sys.unraisablehook = report_but_abandoned_work(report)
    yield
    sys.unraisablehook = report


def report_but_abandoned_work(report: Callable[[Any], None]) -> Callable[[Any], None]:
    """Report errors that nothing can catch, but for those of work nobody waits for any more.

    When one array cannot be read or written, the loop that waits for all of them is closed. Each
    that is still at work fails for it, in a thread of its own or when it is collected as garbage,
    up to the end of the process. Of one that had not begun Python warns, and where warnings are
    errors, such a warning is one that nothing can catch.
    """

    def report_some(unraisable: Any) -> None:
        error = unraisable.exc_value
        causes = (getattr(error, "__cause__", None), getattr(error, "__context__", None))
        collected = any(isinstance(cause, GeneratorExit) for cause in causes)
        begun = not (isinstance(error, RuntimeWarning) and str(error).endswith(NEVER_AWAITED))
        if begun and not collected and str(error) != "Event loop is closed":
            report(unraisable)

    return report_some
