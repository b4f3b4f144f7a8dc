"""``python -m experiments report``: tables and figures from what the suite wrote."""

from pathlib import Path

from experiments import files
from experiments.errors import UsageError
from experiments.style import save
from experiments.suite import tables, task_tables
from experiments.suite.figures.curves import IN_SHORT, draw_anytime, draw_starts, draw_traces
from experiments.suite.figures.ratios import SHOWN, draw_ratios, draw_shares
from experiments.suite.results import Results, read_results
from experiments.suite.tables import PARTS

REPORT_FILE = "report.md"


def write_report(source: Path, folder: Path) -> list[Path]:
    """Write ``report.md`` and the figures into ``folder``, and tell which files they are.

    Raises:
      UsageError: if ``source`` does not hold what the suite writes, or nothing can be written.
    """
    results = read_results(source)
    if not results.tasks():
        raise UsageError(f"{source} holds no finished task: run `python -m experiments suite`.")
    drawn = {
        "starts": draw_starts(results),
        "starts_in_short": draw_starts(results, IN_SHORT),
        "shares": draw_shares(results),
    }
    for part in PARTS:
        if results.tasks(part):
            drawn[f"ratios_{part}"] = draw_ratios(results, part)
            drawn[f"anytime_{part}"] = draw_anytime(results, part)
            drawn[f"traces_{part}"] = draw_traces(results, part)
    written = []
    for name, figure in drawn.items():
        if figure is not None:
            path = folder / f"{name}.png"
            files.write_whole(path, lambda partial, figure=figure: save(figure, partial))
            written.append(path)
    files.write_text(folder / REPORT_FILE, report_text(results))
    return [*written, folder / REPORT_FILE]


def report_text(results: Results) -> str:
    """All tables in markdown."""
    parts = {
        "Targets": tables.targets(results),
        "Standings on tasks of a kind": tables.standings(results, alike=True),
        "Standings on all tasks": tables.standings(results, alike=False),
        "Every task": task_tables.per_task(results, SHOWN),
        "Starting rates, the worst over the best": task_tables.starts(results),
        "Finding the rate": task_tables.finding_by_task(results),
        "Faults": tables.faults(results),
        "Drift": tables.drift(results),
    }
    return "\n".join(f"## {heading}\n\n{table}" for heading, table in parts.items())
