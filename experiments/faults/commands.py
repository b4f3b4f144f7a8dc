"""The command ``faults``; what it needs is imported when it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass
class Faults:
    """Disturb short runs in every way and count what survives: minutes."""

    contender: list[str] = field(default_factory=list)
    """What is put to the test; everything unless named."""
    seeds: int = 8
    """How many runs under each fault that is not struck at every step."""
    steps: int = 150
    """Updates of a short run; long ones have ten times as many."""
    out: Path = Path("runs/faults")
    """Where tables are written; earlier ones are replaced."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.faults.experiment import run_faults

        run_faults(self.contender, self.seeds, self.steps, self.out, Console())


@dataclass
class Kills:
    """Kill a run at random moments, resume it, and compare its end: a minute for three kills."""

    times: int = 50
    """How often it is killed."""
    out: Path = Path("runs/kills")
    """Where the runs and the list of kills are written; earlier ones are replaced."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.faults.kills import run_kills

        run_kills(self.times, self.out, Console())
