"""``python -m experiments faults`` and ``kills``, disks that are full among them."""

import csv
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import data
from experiments.cli import main
from experiments.faults import catalogue, experiment, kills, tables, training
from experiments.faults.catalogue import FAULTS, Fault, calm
from experiments.faults.contenders import CONTENDERS

ROOT = Path(__file__).parents[2]
SEEDS, STEPS = 2, 8
NAMED = {fault.name: fault for fault in FAULTS}
CHOSEN = [
    NAMED["one gradient NaN, at each step"],
    NAMED["loss and gradients NaN, at each step"],
    NAMED["gradients zero for ever"],
    NAMED["counts of steps overflow"],
]


@pytest.fixture(scope="module")
def found():
    dataset = data.load("digits")
    return {
        name: {
            row.fault: row
            for row in experiment.put_to_the_test(name, dataset, SEEDS, STEPS, CHOSEN)
        }
        for name in ("constant", "adam")
    }


def test_undisturbed_runs_are_what_they_are_compared_with(found):
    for rows in found.values():
        for fault in (catalogue.SHORT, catalogue.UNDISTURBED, catalogue.LATE):
            assert rows[fault.name][3:] == (SEEDS, SEEDS, SEEDS, 1.0, 1.0)


def test_a_fault_at_any_step_is_survived_by_ours_and_not_by_adam(found):
    for fault in CHOSEN[:2]:
        ours, adams = (found[name][fault.name] for name in ("constant", "adam"))
        assert ours.runs == adams.runs == ours.finite == ours.survived == STEPS
        assert (adams.finite, adams.survived, adams.median_ratio) == (0, 0, np.inf)


def test_nothing_is_learned_from_nothing(found):
    for rows in found.values():
        row = rows["gradients zero for ever"]
        assert row.compared_with == "start"
        assert row.survived == SEEDS
        assert row.worst_ratio == pytest.approx(1.0, rel=1e-6)


def test_counts_of_steps_stop_at_their_end(found):
    for rows in found.values():
        row = rows["counts of steps overflow"]
        assert row.survived == SEEDS
        assert row.worst_ratio == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("fault", FAULTS, ids=attrgetter("name"))
def test_each_fault_strikes_as_it_says(fault):
    struck = [fault.strike(200, run) for run in range(200 if fault.everywhere else SEEDS)]
    healthy = calm(200)
    changed = np.array(
        [
            np.any([one != other for one, other in zip(disturbance, healthy, strict=True)], axis=0)
            for disturbance in struck
        ]
    )
    if fault.everywhere:
        np.testing.assert_array_equal(changed, np.eye(200, dtype=bool))
    elif "1 % of" in fault.name:
        assert 0 < changed.mean() < 0.03
    elif "10 % of" in fault.name:
        assert changed.mean() == pytest.approx(0.1, abs=0.05)
    elif "middle" in fault.name:
        np.testing.assert_array_equal(changed, [np.arange(200) >= 100] * SEEDS)
    elif fault.strike is calm:
        assert not changed.any()
    else:
        assert changed.all()


def test_names_of_faults_are_unique():
    assert len(NAMED) == len(FAULTS)


WORDS = {"NaN": np.isnan, "-inf": np.isneginf, "inf": np.isinf, "1e38": lambda x: x == 1e38}


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.everywhere], ids=attrgetter("name")
)
def test_a_fault_at_one_step_is_in_what_it_names_and_of_the_number_it_names(fault):
    struck = fault.strike(10, 4)
    word = next(word for word in WORDS if word in fault.name)
    in_value, in_gradients = (
        WORDS[word](number[4])
        for number in (struck.value_shift, struck.gradient_shift + struck.coordinate_shift)
    )
    assert in_value == ("loss" in fault.name)
    assert in_gradients == ("gradient" in fault.name)
    assert (struck.value_factor == 1.0).all()
    assert (struck.gradient_factor == 1.0).all()


def test_counts_overflow_within_the_shortest_run():
    assert 2**31 - 1 - STEPS < catalogue.NEARLY_FULL < 2**31 - 1


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "thesis.tex").write_text("years of work")
    assert main(["kills", "--out", str(tmp_path)]) == 2
    assert "holds no run. Name another folder" in capsys.readouterr().err
    assert (tmp_path / "whole" / "thesis.tex").exists()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loss_and_gradients_are_disturbed_as_said(dtype):
    grads = {"a": jnp.ones((2, 2), dtype), "b": jnp.ones(2, dtype)}
    change = jax.tree.map(jnp.float32, catalogue.Disturbance(2.0, 1.0, 3.0, 4.0, 5.0))
    value, disturbed = training._disturb(jnp.float32(10.0), grads, change)
    assert value == 21.0
    np.testing.assert_array_equal(disturbed["a"], [[12.0, 7.0], [7.0, 7.0]])
    np.testing.assert_array_equal(disturbed["b"], [7.0, 7.0])
    assert disturbed["a"].dtype == dtype


def test_survival_is_finite_and_low():
    fault = Fault("made up", calm)
    runs = training.runs_of(fault, 4, STEPS)
    outcome = training.Outcome(
        finite=np.array([True, True, False, True]),
        start_loss=np.full(4, 9.0),
        end_loss=np.array([1.0, 4.0, 1.0, np.nan]),
    )
    row = tables.survival("adam", fault, runs, outcome, np.array([1.0, 2.0, 1.0, 1.0]))
    assert row[3:] == (4, 3, 1, np.inf, np.inf)
    blind = tables.survival("adam", fault._replace(blind=True), runs, outcome, np.ones(4))
    assert (blind.survived, blind.compared_with) == (2, "start")
    assert "| made up | 4 | 25 % (∞) |" in tables.survival_table([row])
    (cells,) = csv.DictReader(tables.survival_csv([row]).splitlines())
    assert cells["survived"] == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["faults", "--seeds", "0"], "--seeds must be at least 1, got 0."),
        (["faults", "--steps", "1"], "--steps must be at least 2, got 1."),
        (["faults", "--contender", "adm"], "unknown contender 'adm': did you mean 'adam'?"),
        (["kills", "--times", "0"], "--times must be at least 1, got 0."),
    ],
)
def test_bad_requests(arguments, message, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not (tmp_path / "new").exists()


def test_the_command_writes_what_it_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(experiment, "put_to_the_test", lambda name, *_: [made_up(name)])
    assert main(["faults", "--out", str(tmp_path)]) == 0
    rows = list(csv.DictReader((tmp_path / "survival.csv").read_text().splitlines()))
    assert [row["contender"] for row in rows] == list(CONTENDERS)
    assert (tmp_path / "survival.md").read_text() in capsys.readouterr().out
    assert (tmp_path / "metadata.json").exists()


def made_up(name):
    return tables.Survival(name, "made up", "start", 1, 1, 1, 1.0, 1.0)


COUNTING = """
import pathlib, sys, time
out, steps, slip = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "slip"
folder = out / "checkpoints" / "greedy"
folder.mkdir(parents=True, exist_ok=True)
known = max((int(path.name) for path in folder.iterdir()), default=0)
for step in range(known + 1, steps + 1):
    time.sleep(0.02)
    (folder / str(step)).mkdir()
total = steps + (slip and known > 0)
for name in ("results.csv", "summary.csv", "config.json"):
    (out / name).write_text(str(total))
"""


@pytest.mark.parametrize("slip", [False, True])
def test_a_run_that_is_killed_again_and_again_is_compared_with_one_that_is_not(
    tmp_path, monkeypatch, slip
):
    def command(out, steps):
        word = "slip" if slip else "sound"
        return [sys.executable, "-c", COUNTING, str(out), str(steps), word]

    monkeypatch.setattr(kills, "_command", command)
    monkeypatch.setattr(kills, "UPDATES_A_KILL", 40)
    found = kills.kill_again_and_again(3, tmp_path, lambda kill: None)
    assert len(found.kills) == 3
    assert found.kills[0].checkpoint > 0
    assert [kill.checkpoint for kill in found.kills] == sorted(
        kill.checkpoint for kill in found.kills
    )
    assert found.different == (list(kills.COMPARED) if slip else [])
    rows = list(csv.DictReader(kills.kills_csv(found.kills).splitlines()))
    assert [row["number"] for row in rows] == ["1", "2", "3"]


RUN = ["compare", "--seeds", "1", "--steps", "4", "--contender", "fixed"]
LIMITED = """
import resource, sys
from experiments.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


def test_a_disk_that_is_full_is_told_in_one_line_and_the_run_goes_on_later(tmp_path):
    pytest.importorskip("resource")
    out = tmp_path / "out"
    arguments = [*RUN, "--checkpoint-seconds", "0", "--out", str(out)]
    command = [sys.executable, "-c", LIMITED, "8192", *arguments]
    completed = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
    )
    assert completed.returncode == 2, completed.stderr
    told = f"error: {out}/checkpoints/fixed cannot be written (File too large).\n"
    assert completed.stderr == told
    assert main([*arguments, "--resume"]) == 0
    assert (out / "summary.csv").exists()
