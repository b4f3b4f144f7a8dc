"""The command line: what it refuses, how it says so, and that nothing is overwritten."""

import subprocess
import sys

import pytest

from experiments.cli import main
from experiments.configuration import configure
from experiments.contenders.catalogue import CONTENDERS, USUAL
from experiments.folder import claim, default_folder
from experiments.workloads import WORKLOADS


def refused(capsys, *arguments):
    """The one line on standard error of a request that is refused."""
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: ")
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--workload", "digit"], ["unknown workload 'digit'", "did you mean 'digits'?"]),
        (["--workload", "zzz"], ["unknown workload 'zzz'", "digits_cnn", "fashion_mnist_mlp"]),
        (["--contender", "cosin"], ["unknown contender 'cosin'", "did you mean 'cosine'?"]),
        (["--contender", "fixed", "gredy"], ["'gredy'", "did you mean 'greedy'?"]),
        (["--contender", "fixed", "--contender", "fixed"], ["fixed twice"]),
        (["--seeds", "0"], ["--seeds must be at least 1, got 0"]),
        (["--steps", "0"], ["--steps must be at least 1, got 0"]),
        (["--steps", "-3"], ["--steps must be at least 1, got -3"]),
        (["--learning-rate", "0"], ["--learning-rate must be a number above 0, got 0"]),
        (["--learning-rate", "nan"], ["--learning-rate must be", "got nan"]),
        (["--learning-rate", "inf"], ["--learning-rate must be", "got inf"]),
        (["--resume"], ["--resume needs --out"]),
    ],
)
def test_bad_requests(capsys, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    message = refused(capsys, "compare", *arguments)
    for part in parts:
        assert part in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["compare", "--steps", "many"], ["compar"], [], ["train", "--no-such-option"]]
)
def test_what_cannot_be_parsed_has_the_same_exit_code(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_missing_data(capsys, tmp_path):
    out = tmp_path / "out"
    arguments = ("--workload", "fashion_mnist", "--data-dir", str(tmp_path), "--out", str(out))
    message = refused(capsys, "train", *arguments)
    assert "apt-get install dataset-fashion-mnist" in message
    assert "--data-dir" in message
    assert not out.exists()


def test_damaged_data(capsys, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    arguments = ("--workload", "fashion_mnist", "--data-dir", str(tmp_path))
    message = refused(capsys, "compare", *arguments, "--out", str(tmp_path / "out"))
    assert "train-images-idx3-ubyte: truncated" in message
    assert not (tmp_path / "out").exists()


def test_folder_that_is_not_empty(capsys, tmp_path):
    (tmp_path / "results.csv").write_text("precious")
    message = refused(capsys, "compare", "--out", str(tmp_path))
    assert "is not empty" in message
    assert "--resume" in message
    message = refused(capsys, "compare", "--out", str(tmp_path), "--resume")
    assert "holds no run of ours" in message
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    assert (tmp_path / "results.csv").read_text() == "precious"


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_folder_that_cannot_be_written(capsys, tmp_path, below):
    (tmp_path / "file").write_text("precious")
    message = refused(capsys, "compare", "--out", str(tmp_path / "file" / below))
    assert "is not a folder" in message or "cannot be written" in message
    assert (tmp_path / "file").read_text() == "precious"


def test_folder_on_a_read_only_file_system(capsys):
    assert "cannot be written" in refused(capsys, "compare", "--out", "/proc/no/such/folder")


def test_resume_with_another_configuration(capsys, tmp_path):
    out = tmp_path / "out"
    configuration = configure("digits", ["fixed"], 2, 60, 0.3, "other data")
    with claim(out, configuration, {}, resume=False):
        pass
    before = (out / "config.json").read_bytes()
    arguments = ("--contender", "cosine", "--seeds", "2", "--steps", "80", "--resume")
    message = refused(capsys, "compare", *arguments, "--out", str(out))
    for part in ("contenders was fixed, now cosine", "steps was 60, now 80", "data was other data"):
        assert part in message
    assert "seeds" not in message
    assert {path.name for path in out.iterdir()} == {"config.json", ".lock"}
    assert (out / "config.json").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_resume_with_a_damaged_configuration(capsys, tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    assert "--resume" in refused(capsys, "compare", "--out", str(tmp_path), "--resume")
    assert (tmp_path / "config.json").read_bytes() == content


def test_what_is_not_said_is_filled_in():
    configuration = configure("fashion_mnist", [], 2, None, 0.3, "data")
    assert configuration.contenders == USUAL
    assert configuration.steps == 30 * 235
    assert configuration.evaluate_every == 235
    assert configure("fashion_mnist", [], 2, 1175, 0.3, "data").evaluate_every == 47
    assert configure("digits", [], 2, 1, 0.3, "data").evaluations() == [1]
    prime = configure("digits", [], 2, 101, 0.3, "data")
    assert prime.evaluations()[-2:] == [96, 101]


def test_default_folder_names_the_run():
    assert str(default_folder("compare", "digits")).startswith("runs/compare-digits-2")


def test_list_names_everything_and_stays_light():
    script = (
        "import sys; from experiments.cli import main; main(['list']); "
        "heavy = {'jax', 'optax', 'sklearn', 'matplotlib', 'orbax', 'tensorboardX', 'scipy'}; "
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-W", "error", "-c", script]
    completed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert completed.returncode == 0, completed.stderr
    for name in [*WORKLOADS, *CONTENDERS]:
        assert name in completed.stdout


def test_train_prints_every_evaluation(capsys, tmp_path):
    arguments = ["--seeds", "1", "--steps", "4", "--out", str(tmp_path / "out")]
    assert main(["train", "--contender", "reduce_on_plateau", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    progress = [line for line in lines if line.startswith("step ")]
    assert len(progress) == 4
    assert "4/4" in progress[-1]
    assert progress[-1].endswith("descending")
    assert str(tmp_path / "out") in lines[-1]
    assert (tmp_path / "out" / "results.csv").is_file()
