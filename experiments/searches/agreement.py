"""``python -m experiments range-test``: do range tests agree with tuned schedules?"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from rich.console import Console

import optax_aware as oa
from experiments import files
from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError
from experiments.folder import hold
from experiments.searches.figure import draw_agreement
from experiments.searches.subject import Subject, subject_of
from experiments.style import save
from experiments.suite.results import read_results
from experiments.suite.tasks import TASKS, find_task

STEPS = 200
DEFAULT_SHARE = 0.85
SHARES = (0.5, 0.7, 0.8, DEFAULT_SHARE, 0.9, 0.95)
FACTOR = 3.0


class Row(NamedTuple):
    """One range test: the columns of the CSV."""

    task: str
    half: str
    inner: str
    seed: int
    descent_share: float
    tuned_rate: float
    suggestion: float
    low: float
    high: float
    ratio: float
    within: bool
    steps: int
    stopped: str


def run_agreement(
    source: Path,
    folder: Path,
    names: Sequence[str],
    seeds: int,
    data_dir: Path | None,
    console: Console,
) -> None:
    """Test the development tasks, and write a table, a CSV and a figure.

    The tasks are split in two halves, by turns in alphabetical order: the share of the fall at
    which the suggestion lies was chosen on the first, and the second tells what it is worth.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    if seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {seeds}.")
    tuned = tuned_rates(source)
    for name in names:
        find_task(name)
        if name not in tuned:
            raise UsageError(f"{source} has no tuned rate of the development task {name!r}.")
    begun = time.monotonic()
    with hold(folder):
        rows = _all_tests(tuned, names, seeds, data_dir, console)
        summary = summarise(rows)
        shown = ([_shown(cell) for cell in row] for row in rows)
        files.write_text(folder / "range_tests.csv", files.csv_text(Row._fields, shown))
        files.write_text(folder / "summary.md", summary)
        figure = draw_agreement(rows, DEFAULT_SHARE, FACTOR)
        files.write_whole(folder / "range_tests.png", lambda partial: save(figure, partial))
        seconds = round(time.monotonic() - begun, 1)
        content = {"seeds": seeds, "steps": STEPS, "seconds": seconds, **describe()}
        files.write_json(folder / "metadata.json", content)
    say(console, f"\n{summary}")
    say(console, f"{len(rows)} range tests in {seconds:.0f} s, written to {folder}")


def _all_tests(
    tuned: dict[str, float],
    names: Sequence[str],
    seeds: int,
    data_dir: Path | None,
    console: Console,
) -> list[Row]:
    halves = {name: "second" if place % 2 else "first" for place, name in enumerate(sorted(tuned))}
    rows: list[Row] = []
    for name in sorted(names or tuned):
        try:
            subject = subject_of(TASKS[name], data_dir)
        except UsageError as error:
            say(console, f"skipped {name}: {error}")
            continue
        found = tests_of(name, halves[name], subject, tuned[name], seeds)
        rows += found
        say(console, _line(name, found))
        jax.clear_caches()
    if not rows:
        raise UsageError("there is nothing to do: the data of all tasks are absent.")
    return rows


def tuned_rates(source: Path) -> dict[str, float]:
    """The peak rate of the best tuned schedule on each development task.

    Raises:
      UsageError: if ``source`` holds none.
    """
    results = read_results(source)
    oracles = {name: results.oracle(name) for name in results.tasks("development")}
    rates = {name: oracle.rate for name, oracle in oracles.items() if oracle is not None}
    if not rates:
        raise UsageError(
            f"{source} has no tuned rates: run `python -m experiments suite --split development "
            "--study final --contender schedules`, and hand its --out in as --source."
        )
    return rates


def tests_of(name: str, half: str, subject: Subject, tuned: float, seeds: int) -> list[Row]:
    """Test one task with every seed and every share of the fall."""
    rows = []
    for seed in range(seeds):
        params, draws = subject.start(seed, STEPS)
        for share in SHARES:
            result = oa.search.range_test(
                subject.loss,
                params,
                draws,
                subject.inner,
                num_steps=STEPS,
                descent_share=share,
            )
            suggestion = math.nan if result.suggestion is None else result.suggestion
            low, high = result.interval or (math.nan, math.nan)
            ratio = suggestion / tuned
            rows.append(
                Row(
                    name,
                    half,
                    TASKS[name].inner.name,
                    seed,
                    share,
                    tuned,
                    suggestion,
                    low,
                    high,
                    ratio,
                    bool(1 / FACTOR <= ratio <= FACTOR),
                    len(result.rates),
                    result.stopped,
                )
            )
    return rows


def summarise(rows: Sequence[Row]) -> str:
    """How many suggestions lie within the factor of the tuned rate, in markdown."""
    lines = [
        f"| share of the fall | within a factor of {FACTOR:g}: first half | second half | all "
        "| median ratio | no suggestion |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for share in SHARES:
        of = [row for row in rows if row.descent_share == share]
        cells = [_within([row for row in of if row.half == half]) for half in ("first", "second")]
        ratios = [row.ratio for row in of if not math.isnan(row.ratio)]
        middle = f"{np.median(ratios):.2f}" if ratios else ""
        default = " (default)" if share == DEFAULT_SHARE else ""
        lines.append(
            f"| {share:g}{default} | {cells[0]} | {cells[1]} | {_within(of)} | {middle} | "
            f"{len(of) - len(ratios)} of {len(of)} |"
        )
    return "\n".join(lines) + "\n"


def _within(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    return f"{100 * np.mean([row.within for row in rows]):.0f} %"


def _line(name: str, rows: Sequence[Row]) -> str:
    default = [row for row in rows if row.descent_share == DEFAULT_SHARE]
    told = ", ".join("none" if math.isnan(row.ratio) else f"{row.ratio:.2g}" for row in default)
    return f"{name}: tuned {default[0].tuned_rate:.2g}, suggestions over it: {told}"


def _shown(cell: object) -> object:
    """Four digits; empty for what is not a number."""
    if not isinstance(cell, float):
        return cell
    return "" if math.isnan(cell) else f"{cell:.4g}"
