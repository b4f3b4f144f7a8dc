"""The commands ``suite`` and ``report``; what they need is imported when they run."""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro


@dataclass
class Suite:
    """Run all contenders on many small tasks; what is there already is not run again."""

    task: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Which tasks, one or more names. Default: all of --split."""
    contender: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Which contenders, one or more names. Default: all."""
    study: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Which studies, one or more names. Default: all."""
    split: Literal["development", "report", "all"] = "all"
    """Which part of the tasks, where none is named."""
    seeds: int | None = None
    """How many runs of each contender. Default: ten, five on the larger tasks."""
    show: bool = False
    """Show all tasks, contenders and studies, and run nothing."""
    quick: bool = False
    """Two seeds, a quarter of the steps, two tasks, few contenders: a minute or two."""
    out: Path = Path("runs/suite")
    """Where everything is written."""
    data_dir: Path | None = None
    """The folder of Fashion-MNIST's files. Default: where Debian's package puts them."""

    interrupted: ClassVar[str] = "the same command goes on."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.suite.selection import Selection
        from experiments.suite.sweep import overview, run_suite

        if self.show:
            Console().print(*overview())
            return
        selection = Selection(
            tasks=tuple(itertools.chain.from_iterable(self.task)),
            contenders=tuple(itertools.chain.from_iterable(self.contender)),
            studies=tuple(itertools.chain.from_iterable(self.study)),
            part=self.split,
            seeds=self.seeds,
            quick=self.quick,
        )
        run_suite(selection, self.out, self.data_dir, Console())


@dataclass
class Report:
    """Turn what the suite wrote into tables and figures."""

    source: Path = Path("experiments/results/suite")
    """The folder with the suite's CSVs."""
    out: Path = Path("runs/report")
    """Where report.md and the figures are written; earlier ones are replaced."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from experiments.suite.report import write_report

        for path in write_report(self.source, self.out):
            sys.stdout.write(f"wrote {path}\n")
