"""``python -m experiments range-test`` and ``search``, end to end on one small task."""

import csv
import json
import math

import pytest

from experiments.cli import main
from experiments.searches.agreement import SHARES, Row
from experiments.suite.csvs import CURVE_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS, TRACE_COLUMNS


@pytest.fixture
def source(tmp_path):
    """A suite's CSVs with tuned rates of two development tasks and of a report task."""
    folder = tmp_path / "suite"
    folder.mkdir()
    for name, columns in (
        ("results", RESULT_COLUMNS),
        ("curves", CURVE_COLUMNS),
        ("runs", RUN_COLUMNS),
        ("traces", TRACE_COLUMNS),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="1")
            writer.writeheader()
            if name == "results":
                for task, rate in (("quadratic_noisy", 1.0), ("wine", 0.003), ("valley", 0.1)):
                    for contender, median in (("cosine", 0.5), ("linear", 0.7)):
                        writer.writerow(
                            {
                                "study": "final",
                                "task": task,
                                "contender": contender,
                                "variant": "last",
                                "case": "",
                                "rate": rate if contender == "cosine" else 77.0,
                                "median": median,
                            }
                        )
    return folder


def test_range_tests_against_tuned_rates(source, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["range-test", "--source", str(source), "--out", str(out), "--seeds", "1"]
    assert main([*command, "--task", "quadratic_noisy"]) == 0
    with (out / "range_tests.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(Row._fields)
    assert [float(row["descent_share"]) for row in rows] == list(SHARES)
    assert {row["half"] for row in rows} == {"first"}
    for row in rows:
        assert float(row["tuned_rate"]) == 1.0
        ratio = float(row["suggestion"]) / float(row["tuned_rate"])
        assert float(row["ratio"]) == pytest.approx(ratio, rel=2e-3)
        assert row["within"] == str(1 / 3 <= ratio <= 3)
    suggestions = [float(row["suggestion"]) for row in rows]
    assert suggestions == sorted(suggestions)
    summary = (out / "summary.md").read_text()
    share = 100 * sum(r["within"] == "True" for r in rows if r["descent_share"] == "0.85")
    assert f"| 0.85 (default) | {share} %" in summary
    assert (out / "range_tests.png").stat().st_size > 10_000
    assert "1 development" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "valley"], "no tuned rate of the development task 'valley'"),
        (["--task", "whine"], "did you mean 'wine'"),
        (["--seeds", "0"], "--seeds must be at least 1"),
    ],
)
def test_requests_that_cannot_be_carried_out(source, tmp_path, capsys, options, message):
    out = tmp_path / "out"
    assert main(["range-test", "--source", str(source), "--out", str(out), *options]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_search_is_timed_and_drawn(tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--task", "quadratic_ill_conditioned", "--rates", "5", "--steps", "12"]
    assert main(["search", *options, "--out", str(out)]) == 0
    content = json.loads((out / "search.json").read_text())
    assert content["rates"] == 5
    assert content["again_over_at_once"]["at once"] == 1.0
    assert all(math.isfinite(ratio) for ratio in content["again_over_at_once"].values())
    assert "10 rates in 2 rounds of at most 12 steps" in (out / "search.txt").read_text()
    assert (out / "search.png").stat().st_size > 5_000
    assert "times the time at once" in capsys.readouterr().out
    assert main(["search", "--rates", "2"]) == 2
    assert "--rates must be at least 3" in capsys.readouterr().err
