"""The pictures of the README: drawn by one command, and shown where they are talked about."""

from pathlib import Path

import numpy as np

import optax_aware as oa
from experiments.cli import main
from experiments.gallery import pictures
from experiments.searches.subject import subject_of
from experiments.suite.tasks import find_task

ROOT = Path(__file__).parents[2]


def test_the_command_writes_every_picture(tmp_path, monkeypatch, capsys):
    quick = {name: pictures.PICTURES[name] for name in ("schedules", "range_test")}
    monkeypatch.setattr(pictures, "PICTURES", quick)
    assert main(["gallery", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.glob("*.png")} == {"schedules.png", "range_test.png"}
    written = capsys.readouterr().out
    assert all(str(tmp_path / f"{name}.png") in written for name in quick)


def test_too_few_steps_are_refused(tmp_path, capsys):
    assert main(["gallery", "--steps", "3", "--out", str(tmp_path)]) == 2
    assert "--steps" in capsys.readouterr().err


def test_the_run_meets_what_its_factors_say():
    subject = subject_of(find_task("digits_mlp"), None)
    tx = oa.aware(subject.inner, oa.policies.constant(), learning_rate=0.1)
    factors = np.ones(20, np.float32)
    factors[7] = np.nan
    _, (values, reports) = pictures.train(subject, tx, 0, factors)
    assert np.flatnonzero(~np.isfinite(values)).tolist() == [7]
    assert reports.nonfinite.tolist() == [0] * 7 + [1] * 13


def test_the_readme_shows_them():
    readme = (ROOT / "README.md").read_text()
    for name in pictures.PICTURES:
        assert f"experiments/results/gallery/{name}.png" in readme
        assert (ROOT / "experiments/results/gallery" / f"{name}.png").exists()
