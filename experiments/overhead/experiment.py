"""``python -m experiments overhead``."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError, unknown_name
from experiments.files import write_json, write_text, write_whole
from experiments.folder import hold
from experiments.overhead import figure, tables
from experiments.overhead.cells import Cells
from experiments.overhead.contenders import BARE, CONTENDERS, Contender
from experiments.overhead.measurement import Costs, Program, count_traces, measure, prepare
from experiments.overhead.models import LARGEST, SUBJECTS, Subject
from experiments.style import save


def run_overhead(
    sizes: Sequence[str], contenders: Sequence[str], turns: int, folder: Path, console: Console
) -> None:
    """Measure every optimizer on every model, and write tables and a figure.

    What the folder holds already is not measured again, unless the circumstances are others.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    if turns < 1:
        raise UsageError(f"--turns must be at least 1, got {turns}.")
    sizes = _known("size", sizes or [name for name in SUBJECTS if name != LARGEST], SUBJECTS)
    contenders = _known("contender", contenders or CONTENDERS, CONTENDERS)
    cells = Cells(folder, turns)
    with hold(folder):
        traces = {name: _traces(cells, CONTENDERS[name]) for name in contenders}
        found: dict[str, dict[str, Costs]] = {}
        for size in sizes:
            found[size] = _costs(cells, SUBJECTS[size], contenders, console)
            _write(folder, found, traces, turns)
        say(console, f"wrote {folder / 'tables.md'} and {folder / 'overhead.png'}")


def _traces(cells: Cells, contender: Contender) -> int:
    """What is kept, or else counted now."""
    traces = cells.traces(contender)
    if traces is None:
        traces = count_traces(contender, next(iter(SUBJECTS.values())))
        cells.keep_traces(contender, traces)
    return traces


def _costs(
    cells: Cells, subject: Subject, contenders: Sequence[str], console: Console
) -> dict[str, Costs]:
    """What is kept of each optimizer on a model, or else measured now."""
    found: dict[str, Costs] = {}
    bare: Program | None = None
    for name in contenders:
        contender = CONTENDERS[name]
        costs = cells.costs(subject.name, contender)
        if costs is None:
            bare = bare or prepare(subject, BARE)
            costs = measure(prepare(subject, contender), bare, cells.turns)
            cells.keep_costs(subject.name, contender, costs)
        ratio = tables.spread_of(costs)[0]
        say(console, f"{subject.label}: {name} takes {ratio:.2f} times as long as Adam")
        found[name] = costs
    return found


def _write(folder: Path, found: tables.Found, traces: Mapping[str, int], turns: int) -> None:
    """Write what is known, after every model: what comes next may take long."""
    write_text(folder / "costs.csv", tables.costs_csv(found))
    write_text(folder / "tables.md", tables.tables_md(found, traces))
    drawn = figure.draw(found)
    write_whole(folder / "overhead.png", lambda partial: save(drawn, partial))
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / "metadata.json", {"finished": finished, "turns": turns, **describe()})


def _known(kind: str, names: Collection[str], known: Collection[str]) -> list[str]:
    """The names in the order of the table."""
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)
    return [name for name in known if name in names]
