"""``python -m experiments batch-size``: the times of both schedules, and what is written."""

import csv
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.batch_size import experiment, figure, training
from experiments.batch_size.arms import ARMS, FACTOR, LARGEST, drops, growths
from experiments.cli import main
from experiments.data import load
from tests.references import accumulation as reference

SEEDS, EPOCHS = 2, 4
SHOWN = tuple(arm for arm in ARMS if arm.name in ("schedule_batch", "constant"))


def windows(micro_batches):
    """Return after how many micro-batches each update of the growing schedule is made."""
    times = growths(micro_batches)

    def length_of(update):
        return FACTOR ** sum(update >= time for time in times)

    nothing = [((), 0.0, 1.0)] * micro_batches
    found = reference.accumulate(nothing, length_of)
    return [place + 1 for place, (window, _) in enumerate(found) if window is not None]


@pytest.mark.parametrize("micro_batches", [400, 580, 5800])
def test_the_batch_grows_when_the_rate_would_fall(micro_batches):
    updates = list(itertools.pairwise([0, *windows(micro_batches)]))
    for power, drop in enumerate(drops(micro_batches), start=1):
        grows_at = next(start for start, end in updates if end - start == FACTOR**power)
        assert abs(grows_at - drop) <= FACTOR ** (power - 1)


def test_both_plateaus_take_the_same_decisions_from_validation_losses():
    params = {"w": jnp.ones(2)}
    seen = {}
    for arm in (arm for arm in ARMS if not arm.name.startswith("schedule")):
        tx = arm.make(100)
        step = jax.jit(lambda state, loss, tx=tx: tx.update(params, state, params, **loss)[1])
        opt_state, seen[arm.name] = tx.init(params), []
        for validation_loss in (1.0, 0.5, 0.5, 0.5, 0.5):
            loss = {"value": 1.0, "validation_value": validation_loss}
            opt_state = step(opt_state, loss)
            rate, length, _ = arm.read(opt_state)
            seen[arm.name].append((float(rate), int(length)))
    rate = pytest.approx(0.3)
    assert seen["plateau_rate"] == [(rate, 1)] * 4 + [(pytest.approx(0.075), 1)]
    assert seen["plateau_batch"] == [(rate, 1)] * 4 + [(rate, 4)]
    assert seen["constant"] == [(rate, 1)] * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("batch_size")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "ARMS", SHOWN)
        arguments = ["--seeds", str(SEEDS), "--epochs", str(EPOCHS), "--out", str(found)]
        assert main(["batch-size", *arguments]) == 0
    return found


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_curves_hold_a_row_for_each_arm_seed_and_epoch(folder):
    rows = read(folder / "curves.csv")
    assert len(rows) == len(SHOWN) * SEEDS * EPOCHS
    data = training.split(load("digits"))
    per_epoch = training.micro_batches_per_epoch(data)
    ends = windows(EPOCHS * per_epoch)
    for row in rows:
        seen = int(row["epoch"]) * per_epoch
        if row["arm"] == "schedule_batch":
            assert int(row["updates"]) == sum(end <= seen for end in ends)
            assert float(row["learning_rate"]) == pytest.approx(0.3)
        else:
            assert int(row["updates"]) == seen
            assert float(row["learning_rate"]) == pytest.approx(0.3)
            assert row["batch_size"] == "8"
    assert {row["batch_size"] for row in rows} == {"8", "32", "128", "512"}
    assert all(float(row["held_out_loss"]) < 1.5 < np.log(10) for row in rows[EPOCHS - 1 :: EPOCHS])
    assert max(int(row["batch_size"]) for row in rows) == training.MICRO_BATCH * LARGEST


def test_the_summary_is_of_the_last_epoch(folder):
    last = [
        float(row["held_out_loss"])
        for row in read(folder / "curves.csv")
        if row["arm"] == "constant" and row["epoch"] == str(EPOCHS)
    ]
    (row,) = (row for row in read(folder / "summary.csv") if row["arm"] == "constant")
    assert float(row["held_out_loss_mean"]) == pytest.approx(np.mean(last), rel=1e-5)
    assert float(row["held_out_loss_most"]) == pytest.approx(max(last), rel=1e-5)
    assert (folder / "metadata.json").exists()
    assert (folder / "batch_size.png").read_bytes().startswith(b"\x89PNG")


def test_a_fifth_of_the_labels_is_wrong_and_no_image_is_used_twice():
    dataset = load("digits")
    data = training.split(dataset)
    kept = np.arange(len(dataset.train_labels)) % 5 == 4
    for part, places in ((data.train, ~kept), (data.validation, kept)):
        wrong = np.mean(part.labels != dataset.train_labels[places])
        assert wrong == pytest.approx(0.2, abs=0.03)
        np.testing.assert_allclose(part.pixels * 16, dataset.train_images[places], atol=1e-5)
    np.testing.assert_array_equal(data.held_out.labels, dataset.held_out_labels)


def test_the_figure_shows_every_arm_in_every_panel():
    curves = {
        arm.name: training.Curves(*np.random.default_rng(0).uniform(1.0, 2.0, (6, 3, 20)))
        for arm in ARMS
    }
    panels = figure.draw(ARMS, curves).axes
    assert [panel.get_xlabel() for panel in panels] == ["epoch", "updates", "epoch", "epoch"]
    for panel in panels:
        labels = [line.get_label() for line in panel.lines if not line.get_label().startswith("_")]
        assert labels == [arm.label for arm in ARMS]


@pytest.mark.parametrize("option", ["--seeds", "--epochs"])
def test_bad_requests(option, tmp_path, capsys):
    assert main(["batch-size", option, "0", "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err == f"error: {option} must be at least 1, got 0.\n"
    assert not (tmp_path / "new").exists()
