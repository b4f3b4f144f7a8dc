"""What is kept of the circumstances of a process, and what is not."""

import json
import os
import platform
import re
from pathlib import Path

import jax
import pytest

from experiments.circumstances import VARIABLES, describe

RESULTS = Path(__file__).parents[2] / "experiments" / "results"


@pytest.fixture
def environment(monkeypatch):
    """Sets variables where none is set that would be kept."""
    jax.devices()  # it starts now, with the flags of all tests
    for name in filter(VARIABLES.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)

    def set_to(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return describe()["environment"]

    return set_to


def test_what_changes_programs_and_memory_is_kept(environment):
    assert environment() == {}
    kept = {"JAX_ENABLE_X64": "1", "MALLOC_ARENA_MAX": "2", "XLA_FLAGS": "--xla_a=1 --xla_b=x"}
    assert environment(**kept) == kept


def test_nothing_else_is_kept(environment):
    secret = {"JAX_COORDINATOR_ADDRESS": "host.example:1", "HOME": "/home/someone", "TOKEN": "t"}
    assert environment(**secret) == {}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("--xla_dump_to=/home/someone/dump --xla_b=2", "--xla_dump_to=... --xla_b=2"),
        ("--xla_dump_to=dump/of-mine", "--xla_dump_to=..."),
        ("/opt/a,--xla_b=2", "..."),
        (r"--xla_c=C:\Users\someone", "--xla_c=C:..."),
        ("~/cache", "..."),
        ("gs://bucket/someone", "gs:..."),
        ("--xla_c='/home/some one/x' --xla_b=2", "--xla_c=... --xla_b=2"),
    ],
)
def test_places_on_the_machine_are_not_kept(environment, value, kept):
    assert environment(XLA_FLAGS=value) == {"XLA_FLAGS": kept}


def test_the_system_is_kept_without_the_build_of_its_kernel():
    assert describe()["system"] == f"{platform.system()} {platform.machine()}"


@pytest.mark.parametrize(
    "path", sorted(RESULTS.rglob("*metadata.json")), ids=lambda path: str(path.relative_to(RESULTS))
)
def test_what_is_published_names_no_kernel(path):
    assert re.fullmatch(r"\w+ \w+", json.loads(path.read_text())["system"])


def test_it_is_written_as_json():
    assert json.loads(json.dumps(describe())) == describe()
