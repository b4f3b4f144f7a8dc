"""The command ``batch-size``; what it needs is imported when it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass
class BatchSize:
    """Grow the batch in place of lowering the rate, on digits with wrong labels: half a minute."""

    seeds: int = 8
    """How many runs of each way of training, with the seeds 0, 1, ..."""
    epochs: int = 40
    """Times that each run goes through its images."""
    out: Path = Path("runs/batch_size")
    """Where tables and figure are written; earlier ones are replaced."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.batch_size.experiment import run_batch_size

        run_batch_size(self.seeds, self.epochs, self.out, Console())
