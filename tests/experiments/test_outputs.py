"""Outputs: complete, parseable, and the same numbers everywhere."""

import csv
import dataclasses
import io
import json
import re

import jax
import numpy as np
import pytest
from rich.console import Console
from tensorboardX.proto.event_pb2 import Event

from experiments import tables
from experiments.cli import main
from experiments.configuration import differences
from experiments.contenders import catalogue
from experiments.plots import draw_figure, save_comparison
from experiments.screen import print_summary
from experiments.tables import summarize
from tests.experiments.made_up import made_up

STEPS = 44
SEEDS = 2
CONTENDERS = ("cosine", "loss_ratio")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a small comparison."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    arguments = ["--seeds", str(SEEDS), "--steps", str(STEPS), "--out", str(folder)]
    assert main(["compare", "--contender", *CONTENDERS, *arguments]) == 0
    return folder


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_results_have_a_row_for_every_step(finished):
    rows = read_csv(finished / "results.csv")
    keys = [(row["contender"], int(row["seed"]), int(row["step"])) for row in rows]
    assert keys == [
        (name, seed, step) for name in CONTENDERS for seed in range(SEEDS) for step in range(STEPS)
    ]
    for row in rows:
        assert float(row["train_loss"]) > 0
        assert 0 < float(row["learning_rate"]) <= 0.6
    evaluated = [row for row in rows if row["held_out_accuracy"]]
    every = json.loads((finished / "config.json").read_text())["evaluate_every"]
    assert {int(row["step"]) for row in evaluated} == set(range(every - 1, STEPS, every))
    for row in evaluated:
        assert 0 <= float(row["held_out_accuracy"]) <= 1
        assert 0 <= float(row["train_accuracy"]) <= 1
        assert float(row["held_out_loss"]) > 0


def test_summary_follows_from_the_results(finished):
    rows = read_csv(finished / "results.csv")
    summary = read_csv(finished / "summary.csv")
    assert {row["contender"] for row in summary} == set(CONTENDERS)
    accuracies = [float(row["held_out_accuracy_mean"]) for row in summary]
    assert accuracies == sorted(accuracies, reverse=True)
    for row in summary:
        last = [
            float(result["held_out_accuracy"])
            for result in rows
            if result["contender"] == row["contender"] and int(result["step"]) == STEPS - 1
        ]
        assert float(row["held_out_accuracy_mean"]) == pytest.approx(np.mean(last), rel=1e-5)
        assert float(row["held_out_accuracy_least"]) == pytest.approx(min(last), rel=1e-5)
        assert float(row["held_out_accuracy_most"]) == pytest.approx(max(last), rel=1e-5)


def test_configuration_and_metadata_say_what_was_run(finished):
    configuration = json.loads((finished / "config.json").read_text())
    assert configuration["workload"] == "digits"
    assert configuration["contenders"] == list(CONTENDERS)
    assert (configuration["seeds"], configuration["steps"]) == (SEEDS, STEPS)
    metadata = json.loads((finished / "metadata.json").read_text())
    assert metadata["workload"]["seeds"] == [0, 1]
    (invocation,) = metadata["invocations"]
    assert invocation["versions"]["jax"] == jax.__version__
    assert invocation["device"]["platform"] == "cpu"
    assert invocation["device"]["processor"]
    git = invocation["git"]
    assert git is None or re.fullmatch("[0-9a-f]{40}", git["commit"])
    assert set(invocation["seconds"]) == set(CONTENDERS)
    assert invocation["started"].endswith("+00:00")
    assert invocation["started"] <= invocation["finished"]


def test_tensorboard_events_hold_the_results(finished):
    rows = read_csv(finished / "results.csv")
    for name in CONTENDERS:
        for seed in range(SEEDS):
            (path,) = (finished / "tensorboard" / name / f"seed-{seed}").iterdir()
            scalars = read_scalars(path)
            expected = [
                float(row["train_loss"])
                for row in rows
                if row["contender"] == name and int(row["seed"]) == seed
            ]
            assert [value for _, value in scalars["loss/train"]] == pytest.approx(expected)
            assert scalars["accuracy/held_out"][-1][0] == STEPS - 1
            assert len(scalars["learning_rate"]) == STEPS


def read_scalars(path):
    """Scalars by tag, read record by record: length, its checksum, an event, its checksum."""
    content, position, scalars = path.read_bytes(), 0, {}
    while position < len(content):
        length = int.from_bytes(content[position : position + 8], "little")
        event = Event.FromString(content[position + 12 : position + 12 + length])
        position += 12 + length + 4
        for value in event.summary.value:
            scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
    return scalars


def test_nothing_partial_is_left(finished):
    names = {path.name for path in finished.iterdir()}
    assert names == {
        ".lock",
        "checkpoints",
        "comparison.png",
        "config.json",
        "metadata.json",
        "results.csv",
        "summary.csv",
        "tensorboard",
    }
    assert (finished / "comparison.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_figure_of_few_contenders_is_one_column():
    configuration, histories, summaries = made_up(["fixed", "cosine", "greedy"])
    figure = draw_figure(configuration, histories, summaries)
    loss, trained, held_out, rate = figure.axes
    assert [len(panel.lines) for panel in figure.axes] == [3, 3, 3, 3]
    assert [len(panel.collections) for panel in figure.axes] == [3, 3, 3, 3]
    assert "loss" in loss.get_ylabel()
    assert "nats" in loss.get_ylabel()
    assert trained.get_ylabel() == "training accuracy (%)"
    assert held_out.get_ylabel() == "held-out accuracy (%)"
    assert rate.get_ylabel() == "learning rate"
    assert rate.get_yscale() == "log"
    assert "step" in rate.get_xlabel()
    labels = [text.get_text() for text in rate.get_legend().get_texts()]
    assert labels == ["greedy  52.00 %", "cosine  51.00 %", "fixed  50.00 %"]
    np.testing.assert_allclose(trained.lines[0].get_ydata()[-1], 100.0, rtol=1e-6)
    np.testing.assert_allclose(held_out.lines[0].get_ydata()[-1], 52.0, rtol=1e-6)
    title = figure.get_suptitle()
    assert "digits" in title
    assert "2 seeds" in title
    assert title.splitlines()[1] == "base rate 0.3"


def test_figure_and_table_say_who_is_not_told_the_base_rate(tmp_path):
    made = made_up(["condition_based", "fixed"])
    told = "base rate 0.3; not told it, but the length of the run: condition_based"
    assert told in draw_figure(*made).get_suptitle()
    console = Console(file=io.StringIO(), width=200)
    print_summary(console, made[0], made[2], tmp_path)
    assert told in console.file.getvalue()


def test_figure_of_all_contenders_tells_every_line_apart():
    figure = draw_figure(*made_up(list(catalogue.USUAL)))
    assert len(figure.axes) == 8
    headings = [panel.get_title() for panel in figure.axes[:2]]
    assert headings == ["Schedules", "Policies that listen to the loss"]
    assert sum(len(panel.lines) for panel in figure.axes[:2]) == len(catalogue.USUAL)
    for panel in figure.axes:
        looks = [(line.get_color(), str(line.get_linestyle())) for line in panel.lines]
        marks = [line.get_marker() for line in panel.lines]
        assert len(set(looks)) == len(looks)
        assert len(set(marks)) == len(marks)


def test_figure_survives_what_went_wrong(tmp_path):
    configuration, histories, _ = made_up(["fixed", "greedy"])
    histories["fixed"].train_loss[:, 20:] = np.nan
    histories["fixed"].held_out_loss[:] = np.nan
    histories["fixed"].learning_rate[:] = 0.0
    histories["greedy"].train_loss[:] = np.inf
    summaries = summarize(configuration, histories)
    save_comparison(tmp_path / "figure.png", configuration, histories, summaries)
    histories["greedy"].learning_rate[:] = 0.0
    histories["fixed"].train_loss[:] = np.nan
    save_comparison(tmp_path / "figure.png", configuration, histories, summaries)
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_equal_accuracies_are_ranked_by_loss():
    configuration, histories, _ = made_up(["fixed", "cosine", "greedy"])
    for loss, history in zip((0.3, np.nan, 0.2), histories.values(), strict=True):
        history.held_out_accuracy[:] = 0.5
        history.held_out_loss[:] = loss
    ranked = [summary.contender for summary in summarize(configuration, histories)]
    assert ranked == ["greedy", "fixed", "cosine"]


def test_results_keep_every_digit():
    configuration, histories, _ = made_up(["fixed"], seeds=1, steps=3)
    histories["fixed"].train_loss[:] = np.float32([0.1, np.nextafter(np.float32(0.1), 1), 1e-30])
    rows = csv.DictReader(tables.results_csv(configuration, histories).splitlines())
    found = np.float32([float(row["train_loss"]) for row in rows])
    np.testing.assert_array_equal(found, histories["fixed"].train_loss[0])


def test_differences_name_what_differs():
    configuration, _, _ = made_up(["fixed", "greedy"])
    other = dataclasses.replace(configuration, steps=90, contenders=("fixed",))
    found = differences(configuration.to_json(), other.to_json())
    assert found == ["contenders was fixed greedy, now fixed", "steps was 60, now 90"]
    assert differences(configuration.to_json(), configuration.to_json()) == []
