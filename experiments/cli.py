"""The command line: ``list``, ``train``, ``compare``, ``batch-size``, ``suite`` and ``report``."""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.configuration import LEARNING_RATE, check_request, configure
from experiments.contenders.catalogue import CONTENDERS
from experiments.errors import UsageError
from experiments.folder import claim, default_folder
from experiments.workloads import WORKLOADS, find_workload

USAGE_ERROR = 2
INTERRUPTED = 130


@dataclass
class List:
    """Show all workloads and contenders; `suite --show` shows those of the suite."""


@dataclass
class Run:
    """What ``train`` and ``compare`` have in common."""

    workload: str = "digits"
    """What to train; `list` shows all."""
    seeds: int = 3
    """How many runs of each contender, with the seeds 0, 1, ..."""
    steps: int | None = None
    """Updates of each run. Default: 30 epochs."""
    learning_rate: float = LEARNING_RATE
    """The base rate; every contender's rates are in proportion to it."""
    out: Path | None = None
    """Where everything is written, a new or empty folder. Default: a new one in runs/."""
    data_dir: Path | None = None
    """The folder of Fashion-MNIST's files. Default: where Debian's package puts them."""
    resume: bool = False
    """Go on with the run in --out where it stopped."""
    checkpoint_seconds: float = 15.0
    """Seconds between two checkpoints, at least."""


@dataclass
class Train(Run):
    """Train one contender and print a line for every evaluation."""

    contender: str = "cosine"
    """What decides the learning rate; `list` shows all."""


@dataclass
class Compare(Run):
    """Train several contenders, and write tables, a figure and TensorBoard events."""

    contender: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """What decides the learning rate, one or more names. Default: all."""


@dataclass
class BatchSize:
    """Grow the batch in place of lowering the rate, on digits with wrong labels: half a minute."""

    seeds: int = 8
    """How many runs of each way of training, with the seeds 0, 1, ..."""
    epochs: int = 40
    """Times that each run goes through its images."""
    out: Path = Path("runs/batch_size")
    """Where tables and figure are written; earlier ones are replaced."""


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


@dataclass
class Report:
    """Turn what the suite wrote into tables and figures."""

    source: Path = Path("experiments/results/suite")
    """The folder with the suite's CSVs."""
    out: Path | None = None
    """Where report.md and the figures are written. Default: --source."""


Command = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[BatchSize, tyro.conf.subcommand("batch-size")]
    | Annotated[Suite, tyro.conf.subcommand("suite")]
    | Annotated[Report, tyro.conf.subcommand("report")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code."""
    command = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType]
        prog="python -m experiments",
        description="Compare learning-rate schedules and policies on real data.",
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        if isinstance(command, List):
            _list()
        elif isinstance(command, BatchSize):
            _batch_size(command)
        elif isinstance(command, Suite):
            _suite(command)
        elif isinstance(command, Report):
            _report(command)
        else:
            _run(command)
    except UsageError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command with --resume and --out goes on.\n")
        return INTERRUPTED
    return 0


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    workloads = Table(title="Workloads", title_justify="left")
    workloads.add_column("name", no_wrap=True)
    workloads.add_column("what is trained")
    for workload in WORKLOADS.values():
        workloads.add_row(workload.name, workload.summary)
    contenders = Table(
        title=f"Contenders, for the base rate b = {LEARNING_RATE:g}; "
        "times in thirtieths of the run",
        title_justify="left",
    )
    contenders.add_column("name", no_wrap=True)
    contenders.add_column("kind")
    contenders.add_column("learning rate")
    for contender in CONTENDERS.values():
        contenders.add_row(contender.name, contender.kind, contender.summary)
    console.print(workloads, contenders)


def _suite(command: Suite) -> None:
    from rich.console import Console

    from experiments.suite.command import overview, run_suite
    from experiments.suite.selection import Selection

    if command.show:
        Console().print(*overview())
        return
    selection = Selection(
        tasks=tuple(itertools.chain.from_iterable(command.task)),
        contenders=tuple(itertools.chain.from_iterable(command.contender)),
        studies=tuple(itertools.chain.from_iterable(command.study)),
        part=command.split,
        seeds=command.seeds,
        quick=command.quick,
    )
    run_suite(selection, command.out, command.data_dir, Console())


def _batch_size(command: BatchSize) -> None:
    from rich.console import Console

    from experiments.batch_size.command import run_batch_size

    run_batch_size(command.seeds, command.epochs, command.out, Console())


def _report(command: Report) -> None:
    from experiments.suite.report import write_report

    for path in write_report(command.source, command.out or command.source):
        sys.stdout.write(f"wrote {path}\n")


def _run(command: Train | Compare) -> None:
    if isinstance(command, Train):
        names = (command.contender,)
    else:
        names = tuple(itertools.chain.from_iterable(command.contender))
    check_request(command.workload, names, command.seeds, command.steps, command.learning_rate)
    if command.resume and command.out is None:
        raise UsageError("--resume needs --out, the folder of the run that is to go on.")

    from rich.console import Console

    from experiments import data
    from experiments.circumstances import describe
    from experiments.comparison import train_all
    from experiments.metadata import Invocation
    from experiments.screen import CompareScreen, TrainScreen, print_summary

    workload = find_workload(command.workload)
    dataset = data.load(workload.data, command.data_dir)
    configuration = configure(
        command.workload,
        names,
        command.seeds,
        command.steps,
        command.learning_rate,
        dataset.fingerprint(),
    )
    kind = "train" if isinstance(command, Train) else "compare"
    folder = command.out or default_folder(kind, command.workload)
    circumstances = describe()

    with claim(folder, configuration, circumstances, command.resume):
        invocation = Invocation(folder, configuration, circumstances)
        console = Console()
        console.print(
            f"{len(configuration.contenders)} contenders x {configuration.seeds} seeds x "
            f"{configuration.steps:,} steps of {configuration.workload}, writing to {folder}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        screen = TrainScreen if isinstance(command, Train) else CompareScreen
        with screen(configuration, console) as listener:
            summaries = train_all(
                configuration, dataset, folder, command.checkpoint_seconds, listener, invocation
            )
        print_summary(console, configuration, summaries, folder)
