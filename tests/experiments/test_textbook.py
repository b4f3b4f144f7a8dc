"""The chapter of a textbook: every contender trained, each effect in a column of its own."""

import csv
import re

import numpy as np
import pytest

from experiments.cli import main
from experiments.contenders import catalogue
from experiments.textbook import commands
from experiments.textbook.effects import effects
from experiments.textbook.figure import draw_effects
from experiments.textbook.tables import textbook_md
from tests.experiments.made_up import made_up

FEW = ("fixed", "linear", "greedy", "polynomial_2", "fixed_tenth")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textbook") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "CONTENDERS", FEW)
        arguments = ["--workload", "digits", "--steps", "46", "--out", str(folder)]
        assert main(["textbook", *arguments]) == 0
    return folder


def test_it_writes_numbers_tables_and_both_figures(finished):
    for name in ("comparison.png", "effects.png"):
        assert (finished / name).read_bytes().startswith(b"\x89PNG\r\n")
    with (finished / "summary.csv").open() as file:
        summary = {row["contender"]: row for row in csv.DictReader(file)}
    assert set(summary) == set(FEW)
    tables = (finished / "tables.md").read_text()
    for name, row in summary.items():
        accuracy = f"{100 * float(row['held_out_accuracy_mean']):.2f}"
        assert re.search(rf"`{name}` \|.* {re.escape(accuracy)} \(", tables), name
    whole = tables.split("\n\n")[0]
    assert "polynomial_2" not in whole
    assert "greedy" in whole


def test_every_effect_varies_one_number_of_known_contenders():
    varied = [name for effect in effects(0.3) for name in effect.contenders]
    assert {name for name in catalogue.CONTENDERS if name not in catalogue.USUAL} < set(varied)
    for effect in effects(0.3):
        assert len(set(effect.contenders) & set(catalogue.USUAL)) >= 1
        numbers = list(effect.contenders.values())
        assert numbers == sorted(numbers)


def test_the_figure_has_a_line_for_each_number_and_a_mark_for_each_seed():
    configuration, histories, _ = made_up(list(catalogue.CONTENDERS))
    figure = draw_effects(configuration, histories)
    curves, endings = figure.axes[:3], figure.axes[3:]
    for effect, above, below in zip(effects(0.3), curves, endings, strict=True):
        assert len(above.lines) == len(effect.contenders)
        assert above.get_title() == effect.title
        marks = [line for line in below.lines if line.get_marker() not in (None, "None", "")]
        for line, (name, number) in zip(marks, effect.contenders.items(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [number] * 2)
            expected = 100 * histories[name].held_out_accuracy[:, -1]
            np.testing.assert_allclose(line.get_ydata(), expected)
    assert endings[2].get_xscale() == "log"


def test_tables_leave_out_what_was_not_trained():
    configuration, _, summaries = made_up(["fixed", "greedy"])
    tables = textbook_md(configuration, summaries)
    assert "A constant rate" in tables
    assert "exponent" not in tables
