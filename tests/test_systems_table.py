"""The table of systems in CONTRIBUTING.md is true: its lines run, and its tests exist."""

import ast
import re
import shlex
import types
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
import pytest
import tyro

import optax_aware as oa
from experiments import cli

ROOT = Path(__file__).parent.parent
HEADING = "## Every system, its line and its test"
SPAN = re.compile(r"`([^`]+)`")


def section() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert text.count(HEADING) == 1
    return text.split(HEADING)[1].split("\n## ")[0]


def rows() -> list[tuple[str, list[str], list[str]]]:
    """Return name, lines and tests of every system."""
    lines = [line for line in section().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["system", "line", "test"]
    assert all(len(row) == 3 for row in cells)
    return [(name, SPAN.findall(run), SPAN.findall(test)) for name, run, test in cells[2:]]


ROWS = rows()
COMMANDS = [line for _, lines, _ in ROWS for line in lines if line.startswith("python ")]


def python_lines() -> list[str]:
    return [line for _, lines, _ in ROWS for line in lines if not line.startswith("python ")]


@pytest.fixture(scope="module")
def namespace():
    (source,) = re.findall(r"^```python\n(.*?)^```$", section(), re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(source, "CONTRIBUTING.md", "exec"), names)
    return names


def try_out(result, names) -> None:
    """Use what a line gave as it is meant to be used; it is only traced, not compiled."""
    if isinstance(result, list):
        assert result
        for each in result:
            try_out(each, names)
    elif isinstance(result, oa.Policy):
        seen = oa.Observation(jnp.float32(1.0), jnp.int32(0), jnp.float32(jnp.nan))
        _, decision = jax.eval_shape(result.update, result.init(), seen)
        assert decision.scale.dtype == jnp.float32
    elif isinstance(result, optax.GradientTransformation):
        params, grads = names["params"], names["grads"]
        update = optax.with_extra_args_support(result).update
        updates, _ = jax.eval_shape(
            lambda state: update(grads, state, params, value=names["loss"]), result.init(params)
        )
        assert jax.tree.map(jnp.shape, updates) == jax.tree.map(jnp.shape, params)
    elif isinstance(result, Callable):
        rates = jax.eval_shape(result, jnp.arange(3))
        assert (rates.shape, rates.dtype) == ((3,), jnp.float32)
    else:
        assert result is not None


@pytest.mark.parametrize("line", python_lines())
def test_the_line_runs(line, namespace):
    try_out(eval(compile(line, "CONTRIBUTING.md", "eval"), dict(namespace)), namespace)


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_exists(line, monkeypatch):
    words = shlex.split(line)[1:]
    if words[0] != "-m":
        assert words[0].startswith("experiments/examples/")
        assert (ROOT / words[0]).is_file(), words[0]
        return
    assert words[:2] == ["-m", "experiments"]
    parse, parsed = tyro.cli, []

    def only_parse(*arguments, **options):
        parsed.append(parse(*arguments, **options))
        return types.SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(tyro, "cli", only_parse)
    assert cli.main(words[2:]) == 0
    (command,) = parsed
    assert callable(command.run)


@pytest.mark.parametrize("system", [name for name, _, _ in ROWS])
def test_the_tests_exist(system):
    ((lines, tests),) = [row[1:] for row in ROWS if row[0] == system]
    assert lines
    assert tests
    for test in tests:
        path, _, name = test.partition("::")
        assert path.startswith("tests/")
        assert (ROOT / path).is_file(), path
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        named = {name} if name else {each for each in functions if each.startswith("test_")}
        assert named
        assert named <= functions, test


ROOMS = {
    "oa": oa,
    "oa.schedules": oa.schedules,
    "oa.policies": oa.policies,
    "oa.search": oa.search,
}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_has_a_row(room):
    shown = "\n".join(python_lines())
    # Types of results and rooms are no functions; rooms with extras are imported when touched.
    functions = {
        name
        for name in ROOMS[room].__all__
        if isinstance(vars(ROOMS[room]).get(name), types.FunctionType)
    }
    assert len(functions) >= 3
    missing = {name for name in functions if not re.search(rf"\b{room}\.{name}\(", shown)}
    assert not missing
