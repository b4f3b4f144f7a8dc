"""The folder a run writes to: claimed once, and by one process at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments import lock, metadata
from experiments.configuration import Configuration, differences
from experiments.errors import UsageError
from experiments.files import PARTIAL, not_writable, read_json, remove, write_json

CONFIGURATION_FILE = "config.json"
LOCK_FILE = ".lock"


def default_folder(command: str, workload: str) -> Path:
    """A new name under ``runs``, from the command, the workload and the time."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{command}-{workload}-{now}"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make a folder where it is missing, and let no other process write to it meanwhile.

    Raises:
      UsageError: if it cannot be written or is in use.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock.hold(folder / LOCK_FILE))
            for partial in folder.rglob(f"{PARTIAL}*"):
                remove(partial)
        except OSError as error:
            raise not_writable(folder, error) from error
        yield


@contextmanager
def claim(
    folder: Path, configuration: Configuration, circumstances: dict[str, Any], resume: bool
) -> Iterator[None]:
    """Hold the folder for a run, or refuse and leave what is there as it is.

    Args:
      folder: where everything is to be put.
      configuration: what is to be trained; kept in ``config.json``.
      circumstances: what `circumstances.describe` says of this process.
      resume: go on with a run of the same configuration, if there is one.

    Raises:
      UsageError: if the folder holds something else, cannot be written or is in use, or its
        run was begun under circumstances that could lead to other numbers.
    """
    _check(folder, configuration, circumstances, resume)
    with hold(folder):
        # Another process may have begun and ended a run before the lock was ours.
        _check(folder, configuration, circumstances, resume)
        if not (folder / CONFIGURATION_FILE).exists():
            write_json(folder / CONFIGURATION_FILE, configuration.to_json())
        yield


def _check(
    folder: Path, configuration: Configuration, circumstances: dict[str, Any], resume: bool
) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {folder} is not a folder.")
        occupied = folder.exists() and any(map(_is_content, folder.iterdir()))
    except OSError as error:
        raise not_writable(folder, error) from error
    if not occupied:
        return
    if not resume:
        raise UsageError(
            f"--out {folder} is not empty: name another, or add --resume to go on with its run."
        )
    try:
        earlier = read_json(folder / CONFIGURATION_FILE)
    except FileNotFoundError:
        raise UsageError(f"--resume: {folder} is not empty and holds no run of ours.") from None
    different = differences(earlier, configuration.to_json())
    if different:
        raise UsageError(f"--resume: {folder} has another configuration: {'; '.join(different)}.")
    different = metadata.differences_from_the_first(folder, circumstances)
    if different:
        raise UsageError(
            f"--resume: {folder} was begun under circumstances that may give other numbers: "
            f"{'; '.join(different)}."
        )


def _is_content(path: Path) -> bool:
    """Whether a file is more than what a process leaves behind that was killed at once."""
    return path.name != LOCK_FILE and not path.name.startswith(PARTIAL)
