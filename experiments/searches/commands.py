"""The commands ``range-test`` and ``search``; what they need is imported when they run."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro


@dataclass
class RangeTest:
    """See how often learning-rate range tests agree with tuned schedules: minutes."""

    task: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Which development tasks of the suite, one or more names. Default: all."""
    seeds: int = 3
    """How many tests of each task, with the seeds 0, 1, ..."""
    source: Path = Path("experiments/results/suite")
    """The folder with the suite's CSVs, which say what the tuned rates are."""
    out: Path = Path("runs/range_test")
    """Where everything is written."""
    data_dir: Path | None = None
    """The folder of Fashion-MNIST's files. Default: where Debian's package puts them."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.searches.agreement import run_agreement

        names = tuple(itertools.chain.from_iterable(self.task))
        run_agreement(self.source, self.out, names, self.seeds, self.data_dir, Console())


@dataclass
class Search:
    """Search a rate from coarse to fine, and time it against one run after another."""

    task: str = "digits_mlp"
    """A task of the suite."""
    rates: int = 64
    """How many rates in each of two rounds."""
    steps: int = 200
    """Updates of each run."""
    out: Path = Path("runs/search")
    """Where everything is written."""
    data_dir: Path | None = None
    """The folder of Fashion-MNIST's files. Default: where Debian's package puts them."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.searches.at_once import run_search

        run_search(self.task, self.rates, self.steps, self.out, self.data_dir, Console())
