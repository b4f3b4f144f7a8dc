"""The folder a run writes to: claimed once, and every file in it complete or absent."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.configuration import Configuration, differences
from experiments.errors import UsageError

CONFIGURATION_FILE = "config.json"


def default_folder(command: str, workload: str) -> Path:
    """A new name under ``runs``, from the command, the workload and the time."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{command}-{workload}-{now}"


def claim(folder: Path, configuration: Configuration, resume: bool) -> None:
    """Make the folder ours, or refuse and leave what is there as it is.

    Args:
      folder: where everything is to be put.
      configuration: what is to be trained; kept in ``config.json``.
      resume: go on with a run of the same configuration, if there is one.

    Raises:
      UsageError: if the folder holds something else or cannot be written.
    """
    try:
        occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise _not_writable(folder, error) from error
    if occupied and not folder.is_dir():
        raise UsageError(f"--out {folder} is not a folder.")
    if occupied and not resume:
        raise UsageError(
            f"--out {folder} is not empty: name another, or add --resume to go on with its run."
        )
    if occupied:
        _check_same(folder, configuration)
        return
    write_json(folder / CONFIGURATION_FILE, configuration.to_json())


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` make a file or folder under a temporary name, then move it to ``path``."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        write(partial)
        if path.is_dir():
            _remove(path)
        os.replace(partial, path)
    except OSError as error:
        raise _not_writable(path, error) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file that a person can read too."""
    text = json.dumps(content, indent=2) + "\n"
    write_whole(path, lambda partial: _write_text(partial, text))


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    write_whole(path, lambda partial: _write_text(partial, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _check_same(folder: Path, configuration: Configuration) -> None:
    path = folder / CONFIGURATION_FILE
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--resume: {folder} is not empty and holds no run of ours.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--resume: {path} cannot be read ({error}).") from error
    if not isinstance(earlier, dict):
        raise UsageError(f"--resume: {path} is not a configuration.")
    different = differences(earlier, configuration.to_json())
    if different:
        raise UsageError(f"--resume: {folder} has another configuration: {'; '.join(different)}.")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written ({error.strerror or error}).")
