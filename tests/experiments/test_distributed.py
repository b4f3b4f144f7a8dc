"""`train --distributed`: several processes train as one, and the first alone writes and prints."""

import json
import signal

import numpy as np
import pytest

from experiments import processes
from experiments.cli import main
from experiments.errors import UsageError
from experiments.placement import Placement
from tests.distributed.one_process import start_all

OPTIONS = ["--seeds", "1", "--steps", "20", "--contender", "fixed"]


def commands(out, *changes, processes=2, options=OPTIONS):
    """The command of every process at an address; `changes` are made to that of the last."""

    def at(address):
        together = ["--distributed", "--coordinator-address", address]
        whole = ["-m", "experiments", "train", *options, *together, "--out", str(out)]
        whole += ["--num-processes", str(processes)]
        each = [[*whole, "--process-id", str(process)] for process in range(processes)]
        each[-1] += changes
        return each

    return at


def results(folder):
    rows = (folder / "results.csv").read_text().splitlines()
    return [row.split(",") for row in rows[1:]]


def test_two_processes_train_as_one(tmp_path):
    first, last = start_all(commands(tmp_path / "two"))
    assert (first.returncode, last.returncode) == (0, 0), first.stderr + last.stderr
    assert "Everything is in" in first.stdout
    assert "held-out" not in last.stdout
    (invocation,) = json.loads((tmp_path / "two" / "metadata.json").read_text())["invocations"]
    assert invocation["device"]["processes"] == 2
    assert invocation["device"]["count"] == 4
    assert invocation["finished"] is not None

    assert main(["train", *OPTIONS, "--out", str(tmp_path / "one")]) == 0
    for seen, wanted in zip(results(tmp_path / "two"), results(tmp_path / "one"), strict=True):
        assert seen[:3] == wanted[:3]
        numbers = [
            [float(cell) for cell in (*row[3:5], *row[6:]) if cell] for row in (seen, wanted)
        ]
        np.testing.assert_allclose(*numbers, rtol=1e-2, atol=1e-2)


@pytest.mark.long
def test_killed_in_the_middle_and_resumed(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    options = ["--seeds", "2", "--steps", "400", "--contender", "greedy"]
    options += ["--checkpoint-seconds", "0"]
    checkpoints = killed / "checkpoints" / "greedy"

    def saved():
        return any(path.name.isdigit() and int(path.name) > 0 for path in checkpoints.glob("*"))

    ended = start_all(commands(killed, options=options), until=saved)
    assert [process.returncode for process in ended] == [-signal.SIGKILL] * 2
    assert not (killed / "results.csv").exists()

    for ended in start_all(commands(killed, options=[*options, "--resume"])):
        assert ended.returncode == 0, ended.stderr
    for ended in start_all(commands(whole, options=options)):
        assert ended.returncode == 0, ended.stderr
    for name in ("results.csv", "summary.csv", "config.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name

    # One process by itself would add the same numbers in another order.
    assert main(["train", *options, "--resume", "--out", str(whole)]) == 2


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "first_says", "last_says"),
    [
        ([], "is not empty", "process 0 cannot go on"),
        (
            ["--seeds", "3"],
            "process 1 was started with other options",
            "process 1 was started with other options",
        ),
    ],
)
def test_what_one_process_refuses_all_refuse(tmp_path, changes, first_says, last_says):
    (tmp_path / "results.csv").write_text("precious")
    ended = start_all(commands(tmp_path, *changes))
    for process, says in zip(ended, (first_says, last_says), strict=True):
        assert process.returncode == 2, process.stderr
        assert says in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


@pytest.mark.parametrize("error", [UsageError("no"), OSError("no"), KeyError("no")], ids=repr)
def test_whatever_fails_meets_the_other_processes_before_it_leaves(error, monkeypatch):
    told = []

    def gather(failed):
        told.append(bool(failed))
        return np.asarray([False, bool(failed)])

    monkeypatch.setattr(processes.multihost_utils, "process_allgather", gather)
    with pytest.raises(type(error)), processes.together():
        raise error
    assert told == [True]


def test_what_fails_elsewhere_is_told_here(monkeypatch):
    monkeypatch.setattr(
        processes.multihost_utils, "process_allgather", lambda failed: np.asarray([failed, True])
    )
    with pytest.raises(UsageError, match="process 1 cannot go on"), processes.together():
        pass


def test_where_processes_are_is_said_of_several_only(capsys, tmp_path):
    assert main(["train", "--num-processes", "2", "--out", str(tmp_path / "out")]) == 2
    assert "need --distributed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_batch_that_devices_cannot_share_is_refused():
    Placement().check_batch(63)
    with pytest.raises(UsageError, match="64 examples a batch cannot be shared equally by 3"):
        Placement([f"device {number}" for number in range(3)]).check_batch(64)
