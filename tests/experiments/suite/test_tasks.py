"""The tasks: split once, and made of problems that can be trained."""

import dataclasses

import jax
import numpy as np
import pytest

from experiments import circumstances, sources
from experiments.errors import UsageError
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.flat import flattened
from experiments.suite.selection import Selection, without_absent_data
from experiments.suite.studies.catalogue import STUDIES
from experiments.suite.tasks import TASKS, part_of, split

EMBEDDED = [name for name, task in TASKS.items() if not task.needs_fashion_mnist]


def test_the_split_is_disjoint_and_complete():
    development, report = (set(split()[part]) for part in ("development", "report"))
    assert not development & report
    assert development | report == set(TASKS)
    assert len(development) >= 18
    assert len(report) >= 12
    assert all(reason for members in split().values() for reason in members.values())
    assert part_of("quadratic_noisy") == "development"
    assert part_of("moons") == "development"
    assert part_of("counts") == "report"


def test_the_tasks_differ_in_what_the_policy_could_be_fitted_to():
    assert {task.inner.name for task in TASKS.values()} >= {
        "sgd", "momentum", "nesterov", "adam", "adamw", "sign", "lion", "rms", "muon",
        "adagrad", "amsgrad", "factored_rms", "lamb", "nadam",
    }  # fmt: skip
    for part in ("development", "report"):
        tasks = [TASKS[name] for name in split()[part]]
        lengths = sorted(task.steps for task in tasks)
        assert lengths[0] <= 200
        assert lengths[2] <= 300
        assert lengths[-1] >= 5000
        assert any(task.floor < 0 for task in tasks)
        families = [task.inner.family for task in tasks]
        assert 0.4 <= families.count("sgd") / len(families) <= 0.6


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_problem_is_the_same_for_the_same_seed(name):
    problem = TASKS[name].problem()
    drawn = [problem.draw(np.random.default_rng(3), 4) for _ in range(2)]
    starts = [problem.init(np.random.default_rng(3)) for _ in range(2)]
    for first, second in (drawn, starts):
        jax.tree.map(np.testing.assert_array_equal, first, second)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(drawn[0])} == {4}
    assert all(leaf.dtype != np.float64 for leaf in jax.tree.leaves((drawn, starts)))


@pytest.mark.parametrize("name", ["quadratic_offset", "digits_mlp_short", "posterior"])
def test_one_vector_is_the_same_problem(name):
    problem = TASKS[name].problem()
    flat = flattened(problem)
    drawn = jax.tree.map(lambda leaf: leaf[1], problem.draw(np.random.default_rng(4), 2))
    params, vector = (one.init(np.random.default_rng(5)) for one in (problem, flat))
    for altered in (False, True):
        batch = problem.batch(problem.arrays, drawn, np.bool_(altered))
        expected = problem.loss(params, batch)
        assert float(flat.loss(vector, batch)) == pytest.approx(float(expected))
        expected = problem.held_out(params, problem.arrays, np.bool_(altered))
        found = flat.held_out(vector, problem.arrays, np.bool_(altered))
        assert float(found) == pytest.approx(float(expected))


def test_tasks_without_their_data_are_left_out_and_named(tmp_path):
    cells = Selection(studies=("final",), contenders=("schedules",)).cells()
    kept, absent = without_absent_data(cells, tmp_path)
    assert {cell.task.name for cell in kept} == set(EMBEDDED)
    assert set(absent) == set(TASKS) - set(EMBEDDED)
    assert all("dataset-fashion-mnist" in reason for reason in absent.values())


def test_a_selection_asks_what_it_was_told():
    assert {cell.task.name for cell in Selection(part="report").cells()} == set(split()["report"])
    quick = Selection(quick=True, tasks=("moons",)).cells()
    assert {(cell.seeds, cell.task.steps) for cell in quick} == {(2, 500)}
    everything = Selection().cells()
    assert {cell.study.name for cell in everything} <= set(STUDIES)
    assert {cell.contender.name for cell in everything} == set(CONTENDERS)
    assert not [c for c in everything if c.contender.name == "momo" and c.task.name == "moons"]
    with pytest.raises(UsageError, match="did you mean 'moons'"):
        Selection(tasks=("mons",)).cells()
    with pytest.raises(UsageError, match="at least 1"):
        Selection(seeds=0).cells()


def test_a_cell_is_good_only_under_the_circumstances_it_was_found_under():
    (cell,) = Selection(tasks=("moons",), contenders=("prodigy",), studies=("final",)).cells()
    (ours,) = Selection(tasks=("moons",), contenders=("greedy",), studies=("final",)).cells()
    shorter = dataclasses.replace(cell, task=dataclasses.replace(cell.task, steps=7))
    assert cell.key() == dataclasses.replace(cell).key()
    assert shorter.key() != cell.key()
    assert dataclasses.replace(cell, seeds=3).key() != cell.key()
    lower = dataclasses.replace(cell.task, floor=-1.0)
    assert dataclasses.replace(cell, task=lower).key() != cell.key()
    assert ours.key()["sources"]["library"] == sources.of_library()
    assert cell.key()["sources"]["library"] != sources.of_library()
    assert cell.key().items() >= circumstances.decisive().items()


IN_THE_KEY = {
    "what is imported": ("odd_digits", "final", "schedules", "suite.problems.classification"),
    "its data": ("matrix_factorisation", "final", "schedules", "data.digits"),
    "another study that is run": ("digits_mlp", "drift", "schedules", "suite.studies.faults"),
    "who looks at runs": ("moons", "final", "greedy", "suite.contenders.watching"),
    "what trains": ("moons", "final", "prodigy", "suite.training"),
    "who finds the peak rate": ("moons", "start", "prodigy", "suite.studies.final"),
}
NOT_IN_THE_KEY = {
    "another problem": ("digits_mlp", "drift", "schedules", "suite.problems.two_classes"),
    "another study": ("moons", "final", "schedules", "suite.studies.drift"),
    "another contender": ("moons", "final", "schedules", "suite.contenders.peers"),
    "other tasks": ("moons", "final", "schedules", "suite.tasks.report"),
    "other inner optimizers": ("moons", "final", "schedules", "suite.inners"),
    "tables": ("moons", "final", "schedules", "suite.tables"),
}


@pytest.mark.parametrize("why", [*IN_THE_KEY, *NOT_IN_THE_KEY])
def test_a_cell_is_found_again_where_a_source_has_changed_that_decides_it(why, monkeypatch):
    task, study, contender, module = (IN_THE_KEY | NOT_IN_THE_KEY)[why]
    edited = f"experiments.{module}"
    read = sources._source

    def edit(name):
        return read(name) + b"# edited" * (name == edited)

    def key():
        sources.of_modules.cache_clear()
        return cell.key()

    (cell,) = Selection(tasks=(task,), contenders=(contender,), studies=(study,)).cells()
    before = key()
    monkeypatch.setattr(sources, "_source", edit)
    assert edit(edited) != read(edited)
    assert (key() != before) == (why in IN_THE_KEY)
    monkeypatch.undo()
    assert key() == before


@pytest.mark.parametrize("name", [name for name in TASKS if "digits" in name])
def test_the_source_of_digits_and_of_what_classifies_them_decides(name):
    found = sources.closure(TASKS[name].module)
    assert found >= {
        "experiments.data.dataset",
        "experiments.data.digits",
        "experiments.suite.problems.classification",
    }
