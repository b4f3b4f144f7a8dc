"""``metadata.json``: who worked on a run when; what may differ while its numbers stay the same."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.configuration import Configuration, differences
from experiments.errors import UsageError
from experiments.files import read_json, write_json
from experiments.workloads import find_workload

METADATA_FILE = "metadata.json"
DECISIVE_VERSIONS = ("python", "optax-aware", "jax", "jaxlib", "optax", "numpy")


class Invocation:
    """The part of one process in a run; on disk from its beginning, after all earlier ones."""

    def __init__(self, folder: Path, configuration: Configuration, circumstances: dict[str, Any]):
        workload = find_workload(configuration.workload)
        self._path = folder / METADATA_FILE
        self._entry: dict[str, Any] = {
            "command": ["python", "-m", "experiments", *sys.argv[1:]],
            "started": _now(),
            "finished": None,
            "seconds": {},
            **circumstances,
        }
        self._content = {
            "workload": {
                "name": workload.name,
                "batch_size": workload.batch_size,
                "steps_per_epoch": workload.steps_per_epoch,
                "seeds": list(range(configuration.seeds)),
            },
            "invocations": [*_invocations(folder), self._entry],
        }
        write_json(self._path, self._content)

    def trained(self, contender: str, seconds: float) -> None:
        """Keep how long this process took for what was left of a contender."""
        self._entry["seconds"][contender] = round(seconds, 3)
        write_json(self._path, self._content)

    def finish(self) -> None:
        """Keep that everything is written."""
        self._entry["finished"] = _now()
        write_json(self._path, self._content)


def differences_from_the_first(folder: Path, circumstances: dict[str, Any]) -> list[str]:
    """What differs from the process that began a run, where it could change a bit of it.

    Other software and another device add numbers in another order; the commit, the operating
    system and what only draws or stores are kept in the file and not compared.
    """
    for invocation in _invocations(folder):
        if isinstance(invocation.get("versions"), dict):
            return differences(_decisive(invocation), _decisive(circumstances))
    return []


def _decisive(circumstances: dict[str, Any]) -> dict[str, Any]:
    versions = circumstances["versions"]
    device = circumstances.get("device") or {}
    return {
        **{name: versions.get(name) for name in DECISIVE_VERSIONS},
        **{f"device {key}": value for key, value in device.items()},
    }


def _invocations(folder: Path) -> list[dict[str, Any]]:
    path = folder / METADATA_FILE
    try:
        invocations = read_json(path).get("invocations", [])
    except FileNotFoundError:
        return []
    if not (isinstance(invocations, list) and all(isinstance(one, dict) for one in invocations)):
        raise UsageError(f"--resume: {path} does not hold what a run writes there.")
    return invocations


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
