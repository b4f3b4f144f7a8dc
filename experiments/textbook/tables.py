"""The tables of the chapter, in markdown."""

from collections.abc import Iterable

from experiments.configuration import Configuration
from experiments.contenders.catalogue import USUAL
from experiments.markdown import table
from experiments.tables import Spread, Summary
from experiments.textbook.effects import effects

MEASURED = (
    "held-out accuracy %, mean (least to greatest)",
    "held-out loss",
    "training accuracy %",
    "training loss",
)


def textbook_md(configuration: Configuration, summaries: Iterable[Summary]) -> str:
    """All schedules and policies, the best first, and then each effect by its number."""
    by_name = {summary.contender: summary for summary in summaries}
    parts = [
        _table(
            ("contender", "kind"),
            [
                ((f"`{summary.contender}`", summary.kind), summary)
                for name, summary in by_name.items()
                if name in USUAL
            ],
        )
    ]
    for effect in effects(configuration.learning_rate):
        rows = [
            ((f"{number:g}", f"`{name}`"), by_name[name])
            for name, number in effect.contenders.items()
            if name in by_name
        ]
        if rows:
            parts.append(f"{effect.title}:\n\n" + _table((effect.number, "contender"), rows))
    return "\n".join(parts)


def _table(names: tuple[str, str], rows: list[tuple[tuple[str, str], Summary]]) -> str:
    lines = [
        [
            *cells,
            _accuracy(summary.held_out_accuracy),
            f"{summary.held_out_loss.mean:.3f}",
            f"{100 * summary.train_accuracy.mean:.2f}",
            f"{summary.train_loss.mean:.3f}",
        ]
        for cells, summary in rows
    ]
    return table([*names, *MEASURED], lines)


def _accuracy(spread: Spread) -> str:
    mean, least, most = (100 * part for part in spread)
    return f"{mean:.2f} ({least:.2f} to {most:.2f})"
