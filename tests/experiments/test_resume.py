"""Resume: a run that was killed ends with the same bytes as one that was not."""

import asyncio
import json
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from experiments import circumstances, data
from experiments.checkpoints import Checkpoints, report_but_abandoned_work
from experiments.cli import main
from experiments.configuration import configure
from experiments.contenders.plan import Plan
from experiments.contenders.transformation import transformation
from experiments.errors import UsageError
from experiments.folder import claim
from experiments.models import mlp
from experiments.runner import Trainer

ARGUMENTS = ["compare", "--seeds", "2", "--steps", "80", "--contender", "linear", "ratio_based"]


def saved_steps(folder):
    """The steps of the checkpoints that are complete."""
    return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]


def test_killed_in_the_middle_and_resumed(tmp_path, capsys):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, "-m", "experiments", *ARGUMENTS, "--checkpoint-seconds", "0"]
    process = subprocess.Popen([*command, "--out", str(killed)], stdout=subprocess.DEVNULL)
    second = killed / "checkpoints" / "ratio_based"
    deadline = time.monotonic() + 300
    while not saved_steps(second) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait(300) == -signal.SIGKILL
    (reached,) = saved_steps(second)[-1:]
    assert 0 < reached < 80
    assert not (killed / "results.csv").exists()
    (invocation,) = json.loads((killed / "metadata.json").read_text())["invocations"]
    assert invocation["finished"] is None
    assert set(invocation["seconds"]) == {"linear"}
    assert invocation["versions"]["jax"] == jax.__version__

    assert main([*ARGUMENTS, "--out", str(killed), "--resume"]) == 0
    assert main([*ARGUMENTS, "--out", str(whole)]) == 0
    for name in ("results.csv", "summary.csv", "config.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name

    before = (killed / "results.csv").read_bytes()
    assert main([*ARGUMENTS, "--out", str(killed), "--resume"]) == 0
    assert (killed / "results.csv").read_bytes() == before
    invocations = json.loads((killed / "metadata.json").read_text())["invocations"]
    assert [invocation["finished"] is None for invocation in invocations] == [True, False, False]
    where_to_look = capsys.readouterr().out.splitlines()[-1]
    assert str(killed / "comparison.png") in where_to_look
    assert str(killed / "summary.csv") in where_to_look


@pytest.fixture(scope="module")
def trainer():
    configuration = configure("digits", ["greedy"], 2, 60, 0.3, "data")
    return Trainer(configuration, data.load("digits"), mlp(64, (4,), 10), batch_size=64)


def test_every_checkpoint_leads_to_the_same_end(tmp_path, trainer):
    contender = transformation("greedy", Plan(60, 0.3))
    kept = {}
    for progress in trainer.train(contender, trainer.start(contender)):
        step = int(progress.steps_done)
        if step in (3, 57):
            kept[step] = Checkpoints(tmp_path / str(step))
            kept[step].save(progress)
    assert sorted(kept) == [3, 57]
    for step, checkpoints in kept.items():
        restored = checkpoints.restore(trainer.start(contender))
        assert int(restored.steps_done) == step
        assert np.isnan(restored.history.train_loss[:, step:]).all()
        *_, end = trainer.train(contender, restored)
        same = jax.tree.map(lambda a, b: np.array_equal(a, b, equal_nan=True), end, progress)
        assert all(jax.tree.leaves(same)), step
        checkpoints.close()


def test_one_checkpoint_is_kept_and_a_damaged_one_is_told(tmp_path, trainer):
    contender = transformation("greedy", Plan(60, 0.3))
    progress = trainer.start(contender)
    checkpoints = Checkpoints(tmp_path / "greedy")
    for step in (3, 6):
        checkpoints.save(progress._replace(steps_done=np.asarray(step)))
    checkpoints.close()
    assert saved_steps(tmp_path / "greedy") == [6]
    for path in (tmp_path / "greedy" / "6").rglob("*"):
        if path.is_file() and path.parent.name == "d":
            path.write_bytes(b"damaged")
    with pytest.raises(UsageError, match="greedy holds a checkpoint that cannot be read"):
        Checkpoints(tmp_path / "greedy").restore(progress)


SHORT = ["compare", "--seeds", "1", "--steps", "4", "--contender", "greedy"]


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path):
    assert main([*SHORT, "--out", str(tmp_path)]) == 0
    chunks = list((tmp_path / "checkpoints" / "greedy").rglob("ocdbt.process_0/d/*"))
    assert chunks
    for chunk in chunks:
        chunk.write_bytes(b"")
    command = [sys.executable, "-m", "experiments", *SHORT, "--out", str(tmp_path), "--resume"]
    completed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert completed.returncode == 2
    assert completed.stderr.startswith("error: ")
    assert completed.stderr.count("\n") == 1
    assert "greedy holds a checkpoint that cannot be read" in completed.stderr


def test_reads_given_up_are_not_reported_and_other_errors_are(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", report_but_abandoned_work(reported.append))

    async def read():
        try:
            await asyncio.Future(loop=loop)
        except BaseException as error:
            raise RuntimeError("cannot read") from error

    class Careless:
        def __del__(self):
            raise ValueError("another error")

    loop = asyncio.new_event_loop()
    reading = read()
    reading.send(None)
    loop.close()
    del reading
    unread = read()
    del unread
    assert reported == []
    Careless()
    assert [type(seen.exc_value) for seen in reported] == [ValueError]


@pytest.mark.parametrize("occupied", ["checkpoints", "checkpoints/greedy"])
def test_a_file_where_checkpoints_go_is_told_in_one_line(tmp_path, capsys, occupied):
    out = tmp_path / "out"
    configuration = configure("digits", ["greedy"], 1, 4, 0.3, data.load("digits").fingerprint())
    with claim(out, configuration, circumstances.describe(), resume=False):
        (out / occupied).parent.mkdir(exist_ok=True)
        (out / occupied).write_text("precious")
    assert main([*SHORT, "--out", str(out), "--resume"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "greedy cannot be written" in error
    assert (out / occupied).read_text() == "precious"
