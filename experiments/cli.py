"""The command line: every subcommand, and what happens where one fails."""

import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from experiments.batch_size.commands import BatchSize
from experiments.commands import Compare, List, Train
from experiments.errors import UsageError
from experiments.faults.commands import Faults, Kills
from experiments.gallery.commands import Gallery
from experiments.overhead.commands import Overhead
from experiments.searches.commands import RangeTest, Search
from experiments.suite.commands import Report, Suite
from experiments.textbook.commands import Textbook

USAGE_ERROR = 2
INTERRUPTED = 130


Command = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Textbook, tyro.conf.subcommand("textbook")]
    | Annotated[BatchSize, tyro.conf.subcommand("batch-size")]
    | Annotated[Faults, tyro.conf.subcommand("faults")]
    | Annotated[Kills, tyro.conf.subcommand("kills")]
    | Annotated[Gallery, tyro.conf.subcommand("gallery")]
    | Annotated[Suite, tyro.conf.subcommand("suite")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[RangeTest, tyro.conf.subcommand("range-test")]
    | Annotated[Search, tyro.conf.subcommand("search")]
    | Annotated[Overhead, tyro.conf.subcommand("overhead")]
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
        command.run()
    except UsageError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted: {command.interrupted}\n")
        return INTERRUPTED
    return 0
