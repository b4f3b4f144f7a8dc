"""``python -m experiments suite``, end to end on one small task."""

import csv

import pytest

from experiments.cli import main
from experiments.suite import running
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.studies.catalogue import STUDIES
from experiments.suite.tasks import TASKS

COMMAND = ["suite", "--quick", "--task", "quadratic_ill_conditioned", "--contender"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("suite")
    assert main([*COMMAND, "schedules", "dog", "greedy", "--out", str(found)]) == 0
    return found


def rows(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_hold_a_row_for_each_way_of_training(folder):
    found = {(row["contender"], row["variant"], row["budget"]) for row in rows(folder)}
    assert ("cosine", "last", "0.25") in found
    assert ("constant", "averaged", "1") in found
    assert ("dog", "averaged", "1") in found
    assert ("greedy", "last+cosine", "1") in found
    assert all(row["seeds"] == "2" for row in rows(folder))
    with (folder / "curves.csv").open(newline="") as file:
        assert {row["contender"] for row in csv.DictReader(file)} >= {"dog", "greedy"}
    assert (folder / "metadata.json").exists()


def test_what_is_found_is_not_found_again(folder, monkeypatch, capsys):
    before = (folder / "results.csv").read_bytes()

    def refuse(*arguments):
        raise AssertionError("a cell that is there was run again")

    monkeypatch.setattr(running, "_find", refuse)
    assert main([*COMMAND, "schedules", "dog", "greedy", "--out", str(folder)]) == 0
    assert (folder / "results.csv").read_bytes() == before
    assert capsys.readouterr().out.count("kept") == 3


def test_an_interrupted_suite_goes_on_to_the_same_bytes(folder, capsys):
    before = (folder / "results.csv").read_bytes()
    cell = folder / "cells" / "final" / "quadratic_ill_conditioned" / "dog.json"
    cell.write_text(cell.read_text()[:200])
    (folder / "results.csv").unlink()
    assert main([*COMMAND, "schedules", "dog", "greedy", "--out", str(folder)]) == 0
    assert (folder / "results.csv").read_bytes() == before
    assert capsys.readouterr().out.count("kept") == 2


def test_a_name_that_is_unknown_is_told_with_the_nearest(tmp_path, capsys):
    assert main(["suite", "--contender", "prodgy", "--out", str(tmp_path / "new")]) == 2
    assert "did you mean 'prodigy'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_there_is_can_be_shown(capsys):
    assert main(["suite", "--show"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*TASKS, *CONTENDERS, *STUDIES))
