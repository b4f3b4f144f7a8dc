"""``python -m experiments batch-size``."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments import data
from experiments.batch_size import figure, tables, training
from experiments.batch_size.arms import ARMS, FACTOR, LARGEST, PATIENCE, RATE
from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError
from experiments.files import write_json, write_text, write_whole
from experiments.folder import hold
from experiments.style import save


def run_batch_size(seeds: int, epochs: int, folder: Path, console: Console) -> None:
    """Train every arm, and write tables, a figure and what they hang on.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    for name, number in (("--seeds", seeds), ("--epochs", epochs)):
        if number < 1:
            raise UsageError(f"{name} must be at least 1, got {number}.")
    with hold(folder):
        begun = time.monotonic()
        split = training.split(data.load("digits"))
        curves = {}
        for arm in ARMS:
            say(console, f"{arm.label}: {seeds} seeds x {epochs} epochs")
            curves[arm.name] = training.train(arm, split, seeds, epochs)
        endings = tables.endings(curves)
        write_text(folder / "curves.csv", tables.curves_csv(curves))
        write_text(folder / "summary.csv", tables.summary_csv(endings))
        drawn = figure.draw(ARMS, curves)
        write_whole(folder / "batch_size.png", lambda partial: save(drawn, partial))
        write_json(folder / "metadata.json", _metadata(seeds, epochs, time.monotonic() - begun))
        console.print(_summary(endings))
        say(console, f"wrote {folder / 'batch_size.png'}")


def _summary(endings: list[tables.Ending]) -> Table:
    table = Table(title="At the end, held out: mean (least-greatest)", title_justify="left")
    table.add_column("arm", no_wrap=True)
    for column in ("loss", "accuracy", "updates"):
        table.add_column(column, justify="right")
    for arm, ending in zip(ARMS, endings, strict=True):
        loss, accuracy, updates = ending[1:]
        table.add_row(
            arm.label,
            f"{loss.mean:.3f} ({loss.least:.3f}-{loss.most:.3f})",
            f"{100 * accuracy.mean:.1f} %",
            f"{updates.mean:.0f} ({updates.least:.0f}-{updates.most:.0f})",
        )
    return table


def _metadata(seeds: int, epochs: int, seconds: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "seeds": list(range(seeds)),
        "epochs": epochs,
        "micro_batch": training.MICRO_BATCH,
        "wrong_labels": training.WRONG_LABELS,
        "rate": RATE,
        "factor": FACTOR,
        "largest_length": LARGEST,
        "patience_in_epochs": PATIENCE,
        **describe(),
    }
