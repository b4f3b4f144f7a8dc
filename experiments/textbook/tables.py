"""The tables of the chapter, in markdown."""

from collections.abc import Iterable

from experiments.configuration import Configuration
from experiments.contenders.catalogue import USUAL
from experiments.tables import Spread, Summary
from experiments.textbook.effects import effects

MEASURED = "held-out accuracy %, mean (least to greatest) | held-out loss | training accuracy % | "
HEADING = MEASURED + "training loss |"


def textbook_md(configuration: Configuration, summaries: Iterable[Summary]) -> str:
    """All schedules and policies, the best first, and then each effect by its number."""
    by_name = {summary.contender: summary for summary in summaries}
    parts = [
        _table(
            "contender | kind",
            [
                (f"`{summary.contender}` | {summary.kind}", summary)
                for name, summary in by_name.items()
                if name in USUAL
            ],
        )
    ]
    for effect in effects(configuration.learning_rate):
        rows = [
            (f"{number:g} | `{name}`", by_name[name])
            for name, number in effect.contenders.items()
            if name in by_name
        ]
        if rows:
            parts.append(f"{effect.title}:\n\n" + _table(f"{effect.number} | contender", rows))
    return "\n".join(parts)


def _table(left: str, rows: list[tuple[str, Summary]]) -> str:
    lines = [f"| {left} | {HEADING}", "|---|---|---|---|---|---|"]
    for name, summary in rows:
        lines.append(
            f"| {name} | {_accuracy(summary.held_out_accuracy)} | "
            f"{summary.held_out_loss.mean:.3f} | {100 * summary.train_accuracy.mean:.2f} | "
            f"{summary.train_loss.mean:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _accuracy(spread: Spread) -> str:
    mean, least, most = (100 * part for part in spread)
    return f"{mean:.2f} ({least:.2f} to {most:.2f})"
