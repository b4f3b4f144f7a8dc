"""Ratios, means and shares against NumPy, and the tables and figures from a small fixture."""

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main
from experiments.errors import UsageError
from experiments.suite import csvs, report, tables
from experiments.suite.cells import Cell
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.results import Results, read_results
from experiments.suite.scores import geometric_mean, share_within, worst
from experiments.suite.studies.catalogue import STUDIES
from experiments.suite.studies.start import FACTORS
from experiments.suite.studies.study import Findings, Row
from experiments.suite.tasks import TASKS
from experiments.suite.training import MARKS

DEVELOPMENT, REPORT = ("digits_mlp", "teacher_likelihood"), ("recall", "sums")
CASES = {"undisturbed": 1.0, "nonfinite": 1.01, "spike": 1.0, "burst": 1.5}
LOSSES = {
    ("schedules", "cosine", "last"): (0.9, 1.0, 1.1),
    ("schedules", "linear", "last"): (1.0, 1.1, 1.2),
    ("schedules", "warmup_stable_decay", "last"): (1.4, 1.5, 1.6),
    ("schedules", "constant", "averaged"): (1.2, 1.2, 1.2),
    ("prodigy", "prodigy", "last+cosine"): (1.1, 1.3, math.inf),
    ("cocob", "cocob", "averaged"): (math.nan, math.nan, 1.0),
    ("condition_based", "condition_based", "last"): (0.9, 0.95, 1.2),
    ("condition_based_anytime", "condition_based_anytime", "averaged"): (1.0, 1.05, 1.1),
}
START = 8.0
STARTED = "condition_based_started"


def cell(study, task, contender):
    return Cell(STUDIES[study], TASKS[task], CONTENDERS[contender], 3)


def row(task, contender, variant, losses, budget=1.0, case="", rate=0.1):
    """A row of a cell, whose losses are above the floor of the task."""
    floor = TASKS[task].floor
    curve = [START + floor, *[2.0 + floor] * MARKS]
    return Row(contender, variant, budget, case, rate, [loss + floor for loss in losses], curve)


def found():
    """Cells as the suite finds them."""
    for task in (*DEVELOPMENT, *REPORT):
        for (maker, contender, variant), losses in LOSSES.items():
            rows = [row(task, contender, variant, losses, budget) for budget in (0.25, 0.5, 1.0)]
            yield cell("final", task, maker), Findings(rows)
        for maker, contender in (
            ("condition_based_started", "condition_based_started"),
            ("schedules", "cosine"),
        ):
            rows = [
                row(task, contender, "last", [1.0 + 0.01 * at] * 3, case=f"{factor:.4g}")
                for at, factor in enumerate(FACTORS)
            ]
            yield cell("start", task, maker), Findings(rows)
        rows = [
            row(task, "condition_based", "last", [loss] * 3, case=case)
            for case, loss in CASES.items()
        ]
        yield cell("faults", task, "condition_based"), Findings(rows)
        for contender, loss in {"afresh": 1.0, "cosine": 3.0, "condition_based": 1.2}.items():
            rows = [row(task, contender, "last", [loss] * 3, case="drift")]
            yield cell("drift", task, "condition_based"), Findings(rows)
        rows = [row(task, "condition_based", "last", [1.0, 4.4, 4.6, math.nan])]
        runs = [{"seed": seed, "found_at": 15, "rewinds": 0, "last_rate": 0.1} for seed in range(4)]
        yield cell("failures", task, "condition_based"), Findings(rows, runs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    cells = list(found())
    traces = [",".join(csvs.TRACE_COLUMNS)]
    for task in (*DEVELOPMENT, *REPORT):
        traces += [f"{task},condition_based,{t},1.0,{0.1 * t},ramping" for t in range(3)]
    (folder / "results.csv").write_text(csvs.results_csv(cells))
    (folder / "curves.csv").write_text(csvs.curves_csv(cells))
    (folder / "runs.csv").write_text(csvs.runs_csv(cells))
    (folder / "traces.csv").write_text("\n".join(traces) + "\n")
    return folder


def test_means_are_those_of_numpy():
    ratios = np.random.default_rng(0).uniform(0.5, 4.0, 20)
    assert geometric_mean(ratios) == pytest.approx(np.exp(np.mean(np.log(ratios))))
    assert worst(ratios) == ratios.max()
    assert geometric_mean([1.0, math.nan]) == math.inf
    assert worst([1.0, math.nan, 2.0]) == math.inf


def test_quartiles_are_members_and_survive_what_is_not_finite():
    assert csvs.quartiles(np.array([4.0, 1.0, 2.0, 3.0, 5.0])) == (2.0, 4.0)
    assert csvs.quartiles(np.array([1.0, math.inf, 2.0, math.inf, 3.0])) == (2.0, math.inf)


def test_the_oracle_is_the_best_schedule_and_ratios_are_of_medians(folder):
    results = read_results(folder)
    oracle = results.oracle("teacher_likelihood", 1.0)
    assert oracle.contender == "cosine"
    assert oracle.median == pytest.approx(1.0)
    ratios = results.ratios()
    assert ratios["cosine"]["recall"] == 1.0
    assert ratios["condition_based"]["recall"] == pytest.approx(0.95)
    assert ratios["prodigy last+cosine"]["recall"] == pytest.approx(1.3)
    assert ratios["cocob averaged"]["recall"] == math.inf
    (ours,) = results.of("final", task="recall", budget=1.0, contender="condition_based")
    assert ours.paired == pytest.approx((0.95, 1.2 / 1.1), rel=1e-3)
    assert results.tasks("report") == ["recall", "sums"]


def test_an_own_direction_is_measured_against_its_like(folder):
    results = read_results(folder)
    everywhere, alike = results.ratios(), results.ratios(alike=True)
    assert set(everywhere["prodigy last+cosine"]) == {*DEVELOPMENT, *REPORT}
    assert set(alike["prodigy last+cosine"]) == {"teacher_likelihood", "recall", "sums"}
    assert alike["cocob averaged"] == everywhere["cocob averaged"]


def test_shares_count_the_tasks_within_a_factor_of_the_best():
    ratios = {"a": {"x": 1.0, "y": 3.0}, "b": {"x": 2.0, "y": 1.5}, "c": {"x": math.inf}}
    shares = share_within(ratios, ["x", "y"], np.array([1.0, 2.0, 100.0]))
    assert shares["a"].tolist() == [0.5, 1.0, 1.0]
    assert shares["b"].tolist() == [0.5, 1.0, 1.0]
    assert shares["c"].tolist() == [0.0, 0.0, 0.0]


def test_the_targets_are_measured(folder):
    results = read_results(folder)
    assert tables.failures(results, DEVELOPMENT) == (4, 8)
    lines = tables.targets(results).splitlines()
    reached = {tuple(line.split(" | ")[:2]): line.split(" | ")[-1] for line in lines}
    assert reached["| report", "no rate, known budget"].startswith("0.950, worst 0.950")
    start = "a starting rate wrong by 1e-3 to 1e+3, over its own best start"
    assert "worst 1.120" in reached["| report", start]
    drift = "drift, `condition_based` over the schedule that starts afresh"
    assert "worst 1.200" in reached["| report", drift]
    burst = "burst, `condition_based` over its undisturbed run"
    assert "worst 1.500" in reached["| report", burst]
    assert reached["| report", "peers with a lower mean on all tasks"].startswith("none")
    spent = "share of the budget spent on finding the rate"
    assert reached["| development", spent].startswith("1.2 %, at most 1.5 %")
    standings = tables.standings(results, alike=False).splitlines()[2:]
    assert standings[0].startswith("| `condition_based` | 4 |")
    assert "fails" in standings[-1]


def test_the_report_writes_every_table_and_figure(folder, tmp_path, capsys):
    assert main(["report", "--source", str(folder), "--out", str(tmp_path)]) == 0
    figures = {"starts", "starts_in_short", "shares"}
    figures |= {
        f"{kind}_{part}"
        for kind in ("ratios", "anytime", "traces")
        for part in ("development", "report")
    }
    assert {path.stem for path in tmp_path.glob("*.png")} == figures
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in tmp_path.glob("*.png"))
    text = (tmp_path / "report.md").read_text()
    assert all(f"## {name}" in text for name in ("Targets", "Standings", "Faults", "Drift"))
    assert "`prodigy last+cosine`" in text
    assert capsys.readouterr().out.count("wrote") == len(figures) + 1


def test_a_report_is_written_where_it_is_asked_for_and_never_over_what_is_tracked(monkeypatch):
    asked = []
    monkeypatch.setattr(report, "write_report", lambda *folders: asked.append(folders) or [])
    tracked = Path("experiments/results/suite")
    for arguments in ([], ["--source", "runs/suite"], ["--out", str(tracked)]):
        assert main(["report", *arguments]) == 0
    elsewhere = Path("runs/report")
    assert asked == [(tracked, elsewhere), (Path("runs/suite"), elsewhere), (tracked, tracked)]


def test_a_report_of_nothing_says_what_to_run(tmp_path, capsys):
    assert main(["report", "--source", str(tmp_path)]) == 2
    assert "python -m experiments suite" in capsys.readouterr().err
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="other columns"):
        read_results(tmp_path)


def test_results_without_schedules_have_no_oracle():
    assert Results([]).oracle("recall") is None
    assert Results([]).tasks() == []
