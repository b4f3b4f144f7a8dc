"""Files and folders that are complete or absent, however hard the process was stopped."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from experiments.errors import UsageError

PARTIAL = ".partial-"


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` make a file or folder under a temporary name, then move it to ``path``."""
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)
        write(partial)
        if path.is_dir():
            remove(path)
        os.replace(partial, path)
    except OSError as error:
        raise not_writable(path, error) from error


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write a JSON file that a person can read too; an ``indent`` of None is all in one line."""
    text = json.dumps(content, indent=indent) + "\n"
    write_whole(path, lambda partial: _write_text(partial, text))


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    write_whole(path, lambda partial: _write_text(partial, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A CSV with a row of names above the others."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote.

    Raises:
      FileNotFoundError: if there is no such file.
      UsageError: if it holds anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(f"--resume: {path} cannot be read ({error}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"--resume: {path} does not hold what a run writes there.")
    return content


def not_writable(path: Path, error: OSError) -> UsageError:
    """The error for a file or folder that cannot be written."""
    return UsageError(f"{path} cannot be written ({error.strerror or error}).")


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds; what is not there may be missing."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
