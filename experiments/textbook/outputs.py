"""What the command ``textbook`` writes besides the numbers: two figures and the tables."""

from collections.abc import Mapping
from pathlib import Path

from experiments.comparison import Output
from experiments.configuration import Configuration
from experiments.contenders.catalogue import USUAL
from experiments.history import History
from experiments.plots import save_comparison
from experiments.style import save
from experiments.tables import Summary
from experiments.textbook.figure import draw_effects
from experiments.textbook.tables import textbook_md

Histories = Mapping[str, History]


def _comparison(
    path: Path, configuration: Configuration, histories: Histories, summaries: list[Summary]
) -> None:
    usual = {name: history for name, history in histories.items() if name in USUAL}
    shown = [summary for summary in summaries if summary.contender in usual]
    save_comparison(path, configuration, usual, shown)


def _effects(
    path: Path, configuration: Configuration, histories: Histories, summaries: list[Summary]
) -> None:
    save(draw_effects(configuration, histories), path)


def _tables(
    path: Path, configuration: Configuration, histories: Histories, summaries: list[Summary]
) -> None:
    path.write_text(textbook_md(configuration, summaries), encoding="utf-8")


OUTPUTS: dict[str, Output] = {
    "comparison.png": _comparison,
    "effects.png": _effects,
    "tables.md": _tables,
}
