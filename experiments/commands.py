"""The commands ``list``, ``train`` and ``compare``; what they need is imported when they run."""

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from experiments.configuration import LEARNING_RATE, check_request, configure
from experiments.console import say
from experiments.contenders.catalogue import CONTENDERS
from experiments.errors import UsageError
from experiments.folder import claim, default_folder
from experiments.workloads import WORKLOADS, find_workload

if TYPE_CHECKING:
    from experiments.comparison import Output


@dataclass
class List:
    """Show all workloads and contenders; `suite --show` shows those of the suite."""

    interrupted: ClassVar[str] = "nothing was written."

    def run(self) -> None:
        """Print them."""
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

    kind: ClassVar[str]
    interrupted: ClassVar[str] = "the same command with --resume and --out goes on."

    def outputs(self) -> "Mapping[str, Output]":
        """What is written besides the numbers."""
        from experiments.plots import save_comparison

        return {"comparison.png": save_comparison}

    def join(self) -> None:
        """Meet the processes that train with this one, where there are any."""

    def carry_out(self, names: tuple[str, ...]) -> None:
        """Train the contenders of these names, the usual ones where there are none."""
        check_request(self.workload, names, self.seeds, self.steps, self.learning_rate)
        if self.resume and self.out is None:
            raise UsageError("--resume needs --out, the folder of the run that is to go on.")

        self.join()

        import jax
        from rich.console import Console

        from experiments import data, processes
        from experiments.circumstances import describe
        from experiments.comparison import train_all
        from experiments.metadata import Invocation
        from experiments.placement import Placement
        from experiments.screen import CompareScreen, TrainScreen, print_summary

        workload = find_workload(self.workload)
        placement = Placement(jax.devices() if processes.joined() else None)
        with processes.together():
            placement.check_batch(workload.batch_size)
            dataset = data.load(workload.data, self.data_dir)
        configuration = configure(
            self.workload,
            names,
            self.seeds,
            self.steps,
            self.learning_rate,
            dataset.fingerprint(),
        )
        circumstances = describe()
        processes.check_agreement(f"{configuration} {circumstances['versions']}")
        folder = self.out or default_folder(self.kind, self.workload)

        with ExitStack() as held:
            invocation = None
            with processes.together():
                if processes.is_first():
                    held.enter_context(claim(folder, configuration, circumstances, self.resume))
                    invocation = Invocation(folder, configuration, circumstances)
            console = Console(quiet=invocation is None)
            say(
                console,
                f"{len(configuration.contenders)} contenders x {configuration.seeds} seeds x "
                f"{configuration.steps:,} steps of {configuration.workload}, writing to {folder}",
            )
            screen = TrainScreen if self.kind == "train" else CompareScreen
            with screen(configuration, console) as listener:
                summaries = train_all(
                    configuration,
                    dataset,
                    folder,
                    self.checkpoint_seconds,
                    listener,
                    invocation,
                    self.outputs(),
                    placement,
                )
            print_summary(console, configuration, summaries, folder)


@dataclass
class Train(Run):
    """Train one contender and print a line for every evaluation."""

    contender: str = "cosine"
    """What decides the learning rate; `list` shows all."""
    distributed: bool = False
    """Train on all devices of several processes, in each of which this command is started."""
    coordinator_address: str | None = None
    """Address and port of process 0. Default: where JAX finds it, on TPU pods, Slurm, Open MPI."""
    num_processes: int | None = None
    """How many processes there are. Default: as JAX finds it."""
    process_id: int | None = None
    """Which of them this is, counted from 0. Default: as JAX finds it."""

    kind: ClassVar[str] = "train"

    def join(self) -> None:
        """Meet the other processes, if this run is distributed."""
        named = (self.coordinator_address, self.num_processes, self.process_id)
        if self.distributed:
            from experiments import processes

            processes.join(*named)
        elif named != (None, None, None):
            raise UsageError(
                "--coordinator-address, --num-processes and --process-id need --distributed."
            )

    def run(self) -> None:
        """Carry it out."""
        self.carry_out((self.contender,))


@dataclass
class Compare(Run):
    """Train several contenders, and write tables, a figure and TensorBoard events."""

    contender: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """What decides the learning rate, one or more names. Default: the usual ones."""

    kind: ClassVar[str] = "compare"

    def run(self) -> None:
        """Carry it out."""
        self.carry_out(tuple(itertools.chain.from_iterable(self.contender)))
