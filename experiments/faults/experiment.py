"""``python -m experiments faults``."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from experiments import data
from experiments.circumstances import describe
from experiments.console import say
from experiments.data.dataset import Dataset
from experiments.errors import UsageError, unknown_name
from experiments.faults import tables, training
from experiments.faults.catalogue import FAULTS, LATE, LONG, SHORT, STRUCK_SHARE, UNDISTURBED, Fault
from experiments.faults.contenders import CONSECUTIVE_ERRORS, CONTENDERS, RATE
from experiments.files import write_json, write_text
from experiments.folder import hold


def run_faults(
    names: Sequence[str], seeds: int, steps: int, folder: Path, console: Console
) -> None:
    """Train under every fault, count what survives, and write it.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    for option, number, least in (
        ("--seeds", seeds, 1),
        ("--steps", steps, 2),
    ):
        if number < least:
            raise UsageError(f"{option} must be at least {least}, got {number}.")
    for name in names:
        if name not in CONTENDERS:
            raise unknown_name("contender", name, CONTENDERS)
    with hold(folder):
        begun = time.monotonic()
        dataset = data.load("digits")
        rows: list[tables.Survival] = []
        for name in names or CONTENDERS:
            started = time.monotonic()
            rows += put_to_the_test(name, dataset, seeds, steps)
            say(console, f"{name}: {time.monotonic() - started:.0f} s")
        write_text(folder / "survival.csv", tables.survival_csv(rows))
        table = tables.survival_table(rows)
        write_text(folder / "survival.md", table)
        say(console, table)
        write_json(folder / "metadata.json", _metadata(seeds, steps, time.monotonic() - begun))
        say(console, f"wrote {folder / 'survival.csv'}")


def put_to_the_test(
    name: str, dataset: Dataset, seeds: int, steps: int, faults: Sequence[Fault] = FAULTS
) -> list[tables.Survival]:
    """What one contender makes of some faults; the runs without one are always made."""
    found = {}
    faults = [*dict.fromkeys((SHORT, UNDISTURBED, LATE, *faults))]
    runs = {fault: training.runs_of(fault, seeds, steps) for fault in faults}
    for dtype in dict.fromkeys(fault.dtype for fault in faults):
        trainer = training.Trainer(CONTENDERS[name], dataset, steps, dtype)
        for long in (False, True):
            chosen = [fault for fault in faults if (fault.dtype, fault.long) == (dtype, long)]
            if chosen:
                outcome = trainer.train([run for fault in chosen for run in runs[fault]])
                first = 0
                for fault in chosen:
                    last = first + len(runs[fault])
                    found[fault] = training.Outcome(*(part[first:last] for part in outcome))
                    first = last
        jax.clear_caches()
    return [
        tables.survival(
            name,
            fault,
            runs[fault],
            found[fault],
            found[_undisturbed(fault)].end_loss,
        )
        for fault in faults
    ]


def _undisturbed(fault: Fault) -> Fault:
    """What a fault is compared with. Adam starts otherwise where its count is high."""
    if fault.long:
        return UNDISTURBED
    return LATE if fault.counts_from else SHORT


def _metadata(seeds: int, steps: int, seconds: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "seeds": list(range(seeds)),
        "steps": steps,
        "steps_of_long_runs": LONG * steps,
        "batch": training.BATCH,
        "hidden": training.HIDDEN,
        "rate": RATE,
        "struck_share": STRUCK_SHARE,
        "consecutive_errors": CONSECUTIVE_ERRORS,
        "survived_within": tables.FACTOR,
        **describe(),
    }
