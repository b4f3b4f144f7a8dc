"""What a person sees while training goes on, and the table at the end."""

import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import optax_aware as oa
from experiments import runner
from experiments.configuration import Configuration
from experiments.contenders.catalogue import told_of_base_rate
from experiments.tables import Summary


class CompareScreen:
    """A bar over all contenders, and a line for each that is finished."""

    def __init__(self, configuration: Configuration, console: Console):
        self._configuration = configuration
        self._console = console
        self._begun = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        total = configuration.steps * len(configuration.contenders)
        self._task = self._bar.add_task("compiling", total=total)

    def __enter__(self) -> "CompareScreen":
        self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.stop()

    def __call__(self, name: str, progress: runner.Progress) -> None:
        names = self._configuration.contenders
        place, done = names.index(name), int(progress.steps_done)
        steps = self._configuration.steps
        self._bar.update(self._task, completed=place * steps + done, description=name)
        if done == steps:
            now = time.monotonic()
            accuracy = _percent(progress.history.held_out_accuracy[:, -1])
            self._console.print(
                f"[{place + 1:2}/{len(names)}] {name:20} held-out accuracy {accuracy}"
                f"  {now - self._begun:6.1f} s with compilation",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            self._begun = now


class TrainScreen:
    """A line for every evaluation."""

    def __init__(self, configuration: Configuration, console: Console):
        self._configuration = configuration
        self._console = console

    def __enter__(self) -> "TrainScreen":
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def __call__(self, name: str, progress: runner.Progress) -> None:
        history, done = progress.history, int(progress.steps_done)
        position = self._configuration.evaluations().index(done)
        conditions = sorted({oa.CONDITIONS[int(i)] for i in history.condition[:, done - 1]})
        self._console.print(
            f"step {done:6}/{self._configuration.steps}"
            f"  training loss {np.mean(history.train_loss[:, done - 1]):8.4f}"
            f"  held-out loss {np.mean(history.held_out_loss[:, position]):8.4f}"
            f"  accuracy {_percent(history.held_out_accuracy[:, position])}"
            f"  rate {np.mean(history.learning_rate[:, done - 1]):.3g}"
            f"  {' '.join(conditions)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def print_summary(
    console: Console, configuration: Configuration, summaries: list[Summary], folder: Path
) -> None:
    """Print the table, best first, and say where everything is."""
    seeds = f"{configuration.seeds} seed" + ("s" if configuration.seeds > 1 else "")
    told = told_of_base_rate(configuration.contenders, configuration.learning_rate)
    table = Table(
        title=f"{configuration.workload}, {configuration.steps} steps, {seeds}: "
        f"mean (least–greatest)\n{told}",
        title_justify="left",
    )
    table.add_column("contender", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("held-out accuracy %", justify="right", no_wrap=True)
    table.add_column("held-out\nloss", justify="right", no_wrap=True)
    table.add_column("training\nloss", justify="right", no_wrap=True)
    for summary in summaries:
        mean, least, most = (100 * number for number in summary.held_out_accuracy)
        table.add_row(
            summary.contender,
            summary.kind,
            f"{mean:.2f} ({least:.2f}–{most:.2f})",
            f"{summary.held_out_loss.mean:.4f}",
            f"{summary.train_loss.mean:.4f}",
        )
    console.print(table)
    console.print(
        f"Everything is in {folder}. Look first at the curves in {folder / 'comparison.png'} "
        f"and at the numbers in {folder / 'summary.csv'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _percent(accuracies: np.ndarray) -> str:
    mean, least, most = (100 * float(f(accuracies)) for f in (np.mean, np.min, np.max))
    return f"{mean:6.2f} % ({least:.2f} to {most:.2f})"
