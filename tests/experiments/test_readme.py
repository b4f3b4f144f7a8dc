"""The README of the experiments names every command, and every module and what it is for."""

import re
import typing
from pathlib import Path

import pytest

from experiments.cli import Command

FOLDER = Path(__file__).parents[2] / "experiments"
README = (FOLDER / "README.md").read_text()
COMMANDS = [typing.get_args(command)[1].name for command in typing.get_args(Command)]
ROOMS = [
    *(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__")),
    *(f"{path.parent.name}/" for path in FOLDER.glob("*/__init__.py")),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named(command):
    assert re.search(rf"^python -m experiments {command}\b(?!-)", README, re.MULTILINE)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_every_module_is_where_things_are(room):
    assert f"`{room}`" in README.split("## Where things are\n")[1]
