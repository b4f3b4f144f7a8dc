"""Under what circumstances a run was made: what may differ while its numbers stay the same."""

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

PACKAGES = ("optax-aware", "jax", "jaxlib", "optax", "numpy", "orbax-checkpoint", "scikit-learn")


def describe_machine() -> dict[str, Any]:
    """Versions, devices and the state of the source."""
    return {
        "versions": {"python": platform.python_version(), **_versions()},
        "device": {
            "platform": jax.default_backend(),
            "kind": jax.devices()[0].device_kind,
            "count": jax.device_count(),
            "processors": os.cpu_count(),
            "system": platform.platform(),
        },
        "git": _git_state(),
    }


def earlier_invocations(path: Path) -> list[dict[str, Any]]:
    """What ``metadata.json`` says of the earlier parts of a run that was interrupted."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["invocations"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _versions() -> dict[str, str | None]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _git_state() -> dict[str, Any] | None:
    """The commit, and whether tracked files differ from it; None outside of a repository."""
    folder = Path(__file__).parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return completed.stdout.strip()
