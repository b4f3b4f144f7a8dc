"""The folder of a run: claimed by one process at a time, and never at another run's cost."""

import errno
import json
import subprocess
import sys

import pytest

from experiments import circumstances, data, lock
from experiments.cli import main
from experiments.configuration import Configuration, configure
from experiments.errors import UsageError
from experiments.folder import claim
from experiments.metadata import Invocation

CONFIGURATION = Configuration("digits", ("fixed",), 1, 4, 0.3, 1, "data")
CIRCUMSTANCES = {
    "versions": {
        "python": "3.11.1",
        "optax-aware": "0.1.0",
        "jax": "0.8.0",
        "jaxlib": "0.8.0",
        "optax": "0.2.5",
        "numpy": "2.0.0",
        "orbax-checkpoint": "0.11.0",
    },
    "device": {"platform": "cpu", "kind": "cpu", "count": 1, "processor": "a", "processors": 2},
    "system": "Linux x86_64",
    "git": {"commit": "0" * 40, "changed": False},
}


def changed(**values):
    """Circumstances that differ in a version, in the device or in what is named."""
    result = {**CIRCUMSTANCES}
    for name, value in values.items():
        part = "versions" if name.replace("_", "-") in CIRCUMSTANCES["versions"] else "device"
        if name in CIRCUMSTANCES:
            result[name] = value
        else:
            result[part] = {**result[part], name.replace("_", "-"): value}
    return result


def names(folder):
    return {path.name for path in folder.iterdir()}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def begin(folder, under, resume=False):
    """A run that is interrupted before anything is trained."""
    with claim(folder, CONFIGURATION, under, resume):
        Invocation(folder, CONFIGURATION, under)


def invocations(folder):
    return json.loads((folder / "metadata.json").read_text())["invocations"]


def test_resume_of_what_was_never_started_begins(tmp_path):
    for _ in range(2):
        with claim(tmp_path / "out", CONFIGURATION, CIRCUMSTANCES, resume=True):
            pass
    assert names(tmp_path / "out") == {"config.json", ".lock"}


def test_every_invocation_keeps_its_circumstances_from_the_beginning(tmp_path):
    later = changed(git={"commit": "1" * 40, "changed": True}, system="Linux aarch64")
    begin(tmp_path, CIRCUMSTANCES)
    begin(tmp_path, later, resume=True)
    first, second = invocations(tmp_path)
    for invocation, expected in ((first, CIRCUMSTANCES), (second, later)):
        assert {key: invocation[key] for key in expected} == expected
        assert invocation["finished"] is None
        assert invocation["seconds"] == {}


def test_an_invocation_keeps_what_it_trained(tmp_path):
    with claim(tmp_path, CONFIGURATION, CIRCUMSTANCES, resume=False):
        invocation = Invocation(tmp_path, CONFIGURATION, CIRCUMSTANCES)
        invocation.trained("fixed", 1.23456)
        assert invocations(tmp_path)[0]["seconds"] == {"fixed": 1.235}
        assert invocations(tmp_path)[0]["finished"] is None
        invocation.finish()
    assert invocations(tmp_path)[0]["finished"].endswith("+00:00")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (changed(python="3.12.0"), ["python was 3.11.1, now 3.12.0"]),
        (changed(optax_aware="0.2.0"), ["optax-aware was 0.1.0, now 0.2.0"]),
        (changed(optax="0.2.6"), ["optax was 0.2.5, now 0.2.6"]),
        (changed(numpy="2.1.0"), ["numpy was 2.0.0, now 2.1.0"]),
        (
            changed(jax="0.8.1", jaxlib="0.8.1"),
            ["jax was 0.8.0, now 0.8.1", "jaxlib was 0.8.0, now 0.8.1"],
        ),
        (
            changed(device={"platform": "gpu", "kind": "H100", "count": 1}),
            ["device kind was cpu, now H100", "device platform was cpu, now gpu"],
        ),
        (changed(count=8), ["device count was 1, now 8"]),
        (changed(processors=4), ["device processors was 2, now 4"]),
    ],
)
def test_resume_under_circumstances_that_may_change_a_bit(tmp_path, now, expected):
    begin(tmp_path, CIRCUMSTANCES)
    begin(tmp_path, CIRCUMSTANCES, resume=True)
    before = contents(tmp_path)
    with (
        pytest.raises(UsageError, match="was begun under") as caught,
        claim(tmp_path, CONFIGURATION, now, resume=True),
    ):
        pass
    for difference in expected:
        assert difference in str(caught.value)
    assert "optax was" not in str(caught.value) or "optax was 0.2.5, now 0.2.6" in expected
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "now",
    [
        CIRCUMSTANCES,
        changed(git=None),
        changed(system="Linux-6.2-x86_64-with-glibc2.36"),  # as runs kept it that are older
        changed(orbax_checkpoint="0.12.0"),
    ],
)
def test_resume_under_circumstances_that_change_no_bit(tmp_path, now):
    begin(tmp_path, CIRCUMSTANCES)
    begin(tmp_path, now, resume=True)
    assert len(invocations(tmp_path)) == 2


def test_resume_with_other_versions_is_one_line(capsys, tmp_path):
    present = circumstances.describe()
    earlier = {**present, "versions": {**present["versions"], "jaxlib": "0.0.1"}}
    configuration = configure("digits", ["fixed"], 1, 4, 0.3, data.load("digits").fingerprint())
    with claim(tmp_path, configuration, earlier, resume=False):
        Invocation(tmp_path, configuration, earlier)
    before = contents(tmp_path)
    arguments = ["--seeds", "1", "--steps", "4", "--contender", "fixed", "--out", str(tmp_path)]
    assert main(["compare", *arguments, "--resume"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"jaxlib was 0.0.1, now {present['versions']['jaxlib']}." in captured.err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "metadata", [None, {}, {"versions": {"jax": "0.1"}, "invocations": [{"command": ["python"]}]}]
)
def test_resume_of_a_run_that_kept_no_circumstances(tmp_path, metadata):
    (tmp_path / "config.json").write_text(json.dumps(CONFIGURATION.to_json()))
    if metadata is not None:
        (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    begin(tmp_path, CIRCUMSTANCES, resume=True)
    assert invocations(tmp_path)[-1]["versions"] == CIRCUMSTANCES["versions"]
    with pytest.raises(UsageError, match="numpy was"):
        begin(tmp_path, changed(numpy="2.1.0"), resume=True)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"invocations": [1]}'])
def test_resume_with_damaged_metadata(tmp_path, content):
    begin(tmp_path, CIRCUMSTANCES)
    (tmp_path / "metadata.json").write_bytes(content)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"--resume: .*metadata\.json"):
        begin(tmp_path, CIRCUMSTANCES, resume=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("resume", [False, True])
def test_what_was_killed_while_claiming_is_claimed_anew(tmp_path, resume):
    (tmp_path / ".lock").touch()
    (tmp_path / ".partial-config.json").write_text("{")
    (tmp_path / ".partial-tensorboard" / "fixed").mkdir(parents=True)
    begin(tmp_path, CIRCUMSTANCES, resume)
    assert names(tmp_path) == {"config.json", "metadata.json", ".lock"}


def test_what_was_partial_is_removed_on_resume(tmp_path):
    begin(tmp_path, CIRCUMSTANCES)
    (tmp_path / ".partial-results.csv").write_text("half a")
    begin(tmp_path, CIRCUMSTANCES, resume=True)
    assert names(tmp_path) == {"config.json", "metadata.json", ".lock"}


@pytest.mark.parametrize("resume", [False, True])
def test_in_a_folder_of_something_else_nothing_is_touched(tmp_path, resume):
    (tmp_path / ".partial-results.csv").write_text("precious")
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        begin(tmp_path, CIRCUMSTANCES, resume)
    assert names(tmp_path) == {".partial-results.csv", "thesis.tex"}


HOLD = """
import sys, pathlib
from experiments.lock import hold
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_one_dies(tmp_path):
    begin(tmp_path, CIRCUMSTANCES)
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        before = contents(tmp_path)
        with pytest.raises(UsageError, match="another process is writing to"):
            begin(tmp_path, CIRCUMSTANCES, resume=True)
        assert contents(tmp_path) == before
        process.kill()
    begin(tmp_path, CIRCUMSTANCES, resume=True)
    assert len(invocations(tmp_path)) == 2


def test_two_that_begin_at_once(tmp_path):
    with claim(tmp_path, CONFIGURATION, CIRCUMSTANCES, resume=False):
        (tmp_path / "config.json").unlink()
        with pytest.raises(UsageError, match="another process is writing to"):
            begin(tmp_path, CIRCUMSTANCES)
    begin(tmp_path, CIRCUMSTANCES)


def test_a_run_that_ended_while_we_waited_for_the_lock_is_seen(tmp_path, monkeypatch):
    def locked_late(descriptor):
        (tmp_path / "config.json").write_text("precious")

    monkeypatch.setattr(lock, "_try_to_lock", locked_late)
    with pytest.raises(UsageError, match="not empty"):
        begin(tmp_path, CIRCUMSTANCES)
    assert (tmp_path / "config.json").read_text() == "precious"


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def unsupported(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_try_to_lock", unsupported)
    begin(tmp_path, CIRCUMSTANCES)
    assert (tmp_path / "config.json").is_file()
