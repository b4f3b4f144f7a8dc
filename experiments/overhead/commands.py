"""The command ``overhead``; what it needs is imported when it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass
class Overhead:
    """Time, memory and compilation of every optimizer beside plain Adam."""

    size: tuple[str, ...] = ()
    """Which models, by name; all but the largest where none is named."""
    contender: tuple[str, ...] = ()
    """Which optimizers, by name; all where none is named."""
    turns: int = 5
    """How often each optimizer and plain Adam take turns."""
    out: Path = Path("runs/overhead")
    """Where tables and figure are written; what was measured there is not measured again."""

    interrupted: ClassVar[str] = "the same command goes on."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.overhead.experiment import run_overhead

        run_overhead(self.size, self.contender, self.turns, self.out, Console())
