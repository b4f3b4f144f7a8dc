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
from experiments.overhead.contenders import BARE, CONTENDERS
from experiments.overhead.measurement import Costs, count_traces, measure, prepare
from experiments.overhead.models import LARGEST, SUBJECTS
from experiments.style import save


def run_overhead(
    sizes: Sequence[str], contenders: Sequence[str], turns: int, folder: Path, console: Console
) -> None:
    """Measure every optimizer on every model, and write tables and a figure.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    if turns < 1:
        raise UsageError(f"--turns must be at least 1, got {turns}.")
    sizes = _known("size", sizes or [name for name in SUBJECTS if name != LARGEST], SUBJECTS)
    contenders = _known("contender", contenders or CONTENDERS, CONTENDERS)
    with hold(folder):
        smallest = next(iter(SUBJECTS.values()))
        traces = {name: count_traces(CONTENDERS[name], smallest) for name in contenders}
        found: dict[str, dict[str, Costs]] = {}
        for size in sizes:
            subject = SUBJECTS[size]
            bare = prepare(subject, BARE)
            found[size] = {}
            for name in contenders:
                costs = measure(prepare(subject, CONTENDERS[name]), bare, turns)
                found[size][name] = costs
                ratio = tables.spread_of(costs)[0]
                say(console, f"{subject.label}: {name} takes {ratio:.2f} times as long as Adam")
            _write(folder, found, traces, turns)
        say(console, f"wrote {folder / 'tables.md'} and {folder / 'overhead.png'}")


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
