"""What one optimizer costs on one model, on disk as soon as it is known."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import sources
from experiments.circumstances import decisive
from experiments.errors import UsageError
from experiments.files import read_json, write_json
from experiments.overhead.contenders import OURS, Contender
from experiments.overhead.measurement import Costs

FOLDER = "cells"
TRACES = "traces"
_MEASURED_BY = "experiments.overhead.measurement"


class Cells(NamedTuple):
    """The cells of a folder that were measured under the circumstances of this process."""

    folder: Path
    turns: int

    def costs(self, model: str, contender: Contender) -> Costs | None:
        """What is known of an optimizer on a model."""
        found = self._read(model, contender)
        if found is None:
            return None
        numbers: dict[str, Any] = {
            name: np.array(number) if isinstance(number, list) else number
            for name, number in found.items()
        }
        return Costs(**numbers)

    def keep_costs(self, model: str, contender: Contender, costs: Costs) -> None:
        """Keep what was measured, at once and whole."""
        found = {
            name: number.tolist() if isinstance(number, np.ndarray) else number
            for name, number in costs._asdict().items()
        }
        self._write(model, contender, found)

    def traces(self, contender: Contender) -> int | None:
        """How often the optimizer was traced, where it is known."""
        found = self._read(TRACES, contender)
        return None if found is None else found["traces"]

    def keep_traces(self, contender: Contender, traces: int) -> None:
        """Keep how often the optimizer was traced."""
        self._write(TRACES, contender, {"traces": traces})

    def _read(self, model: str, contender: Contender) -> dict[str, Any] | None:
        try:
            content = read_json(self._path(model, contender))
        except (FileNotFoundError, UsageError):
            return None
        return content["found"] if content.get("key") == self._key(contender) else None

    def _write(self, model: str, contender: Contender, found: dict[str, Any]) -> None:
        content = {"key": self._key(contender), "found": found}
        write_json(self._path(model, contender), content, indent=None)

    def _path(self, model: str, contender: Contender) -> Path:
        return self.folder / FOLDER / model / f"{contender.name}.json"

    def _key(self, contender: Contender) -> dict[str, Any]:
        """Everything that decides the numbers; the commit alone does not."""
        return {
            "turns": self.turns,
            "sources": sources.of_modules(_MEASURED_BY),
            **({"optax_aware": sources.of_library()} if contender.kind == OURS else {}),
            **decisive(),
        }
