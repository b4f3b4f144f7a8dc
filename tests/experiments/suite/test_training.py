"""The compiled program against a loop in NumPy, and the search against what is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from experiments.suite import rates
from experiments.suite.bench import Bench
from experiments.suite.contenders.catalogue import CONTENDERS
from experiments.suite.problems.quadratic import quadratic
from experiments.suite.studies import faults
from experiments.suite.studies.drift import STUDY as DRIFT
from experiments.suite.studies.search import search
from experiments.suite.tasks import TASKS
from experiments.suite.training import (
    AVERAGE_ORDER,
    Contestant,
    Disturbance,
    Program,
    Setting,
    marks_of,
)

STEPS = 40


@pytest.mark.parametrize("shape", rates.SHAPES)
@pytest.mark.parametrize("steps", [40, 333])
def test_tables_are_the_schedules_of_the_library(shape, steps):
    table = rates.table(shape, steps, 400)
    schedule = rates.schedule(shape, 1.0, steps)
    np.testing.assert_allclose(table[:steps], [float(schedule(t)) for t in range(steps)], rtol=1e-6)
    assert not table[steps:].any()
    assert table.max() == 1.0
    warmup = round(0.05 * steps)
    assert table[warmup] == 1.0
    assert table[warmup - 1] < 1.0


def test_the_factor_of_a_cosine_has_no_warmup():
    factor = rates.cosine_factor(10, 12)
    expected = oa.schedules.cosine(1.0, decay_steps=10)(np.arange(10))
    np.testing.assert_allclose(factor, [*expected, 0, 0])
    assert factor[0] == 1.0


def test_places_of_the_grid_are_half_decades():
    assert [rates.peak_at(place) for place in (-4, 0, 3)] == pytest.approx([0.01, 1.0, 31.6228])
    assert [rates.place_of(rates.peak_at(place)) for place in range(-9, 9)] == [*range(-9, 9)]


def noisy_program():
    problem = quadratic(dimensions=3, condition_number=10.0, gradient_noise=0.5)
    contestant = Contestant(
        lambda setting: optax.scale_by_schedule(lambda t: -setting.number * setting.factor[t])
    )
    return problem, Program(problem, contestant, STEPS, 2)


def by_hand(problem, seed, rate_table, disturbance, steps):
    """The held-out losses at the marks, of the last and of the averaged parameters."""
    first, second = np.random.default_rng(seed).spawn(2)
    position = problem.init(first)["position"].astype(float)
    push, _ = problem.draw(second, STEPS)
    curvature = np.asarray(problem.arrays["curvatures"], float)
    rotation = np.asarray(problem.arrays["rotation"], float)
    elsewhere = rotation @ np.asarray(problem.arrays["altered_minimum"], float)
    hessian = rotation @ np.diag(curvature) @ rotation.T
    average, found = position.copy(), []

    def loss(x):
        target = elsewhere if disturbance.altered_at_end else 0.0
        return 0.5 * (x - target) @ hessian @ (x - target)

    marks = set(marks_of(steps).tolist())
    for step in range(steps + 1):
        if step in marks:
            found.append((loss(position), loss(average)))
        if step == steps:
            break
        minimum = elsewhere if disturbance.altered[step] else 0.0
        gradient = disturbance.blow[step] * (hessian @ (position - minimum) + push[step])
        position = position - rate_table[step] * gradient
        weight = (AVERAGE_ORDER + 1) / (step + AVERAGE_ORDER + 1)
        average = average + weight * (position - average)
    return np.array(found).T


def test_runs_are_those_of_a_loop_in_numpy():
    problem, program = noisy_program()
    blow = np.ones(STEPS, np.float32)
    blow[7] = 3.0
    disturbances = (
        None,
        Disturbance(blow, np.arange(STEPS) >= STEPS // 2, np.bool_(True)),
    )
    table = rates.table("cosine", STEPS, STEPS)
    for disturbance in disturbances:
        settings = [Setting(table, number, STEPS) for number in (0.1, 0.4, 1.1)]
        outcome = program.run(settings, (5, 6), STEPS, disturbance)
        used = disturbance or Disturbance(np.ones(STEPS), np.zeros(STEPS, bool), np.bool_(False))
        for at, setting in enumerate(settings):
            for place, seed in enumerate((5, 6)):
                last, averaged = by_hand(problem, seed, setting.number * table, used, STEPS)
                np.testing.assert_allclose(outcome.held_out[at, place], last, rtol=1e-4)
                np.testing.assert_allclose(outcome.averaged[at, place], averaged, rtol=1e-4)


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    _, program = noisy_program()
    setting = [Setting(np.ones(STEPS, np.float32), 0.2, STEPS)]
    longer = program.run(setting, (1,), STEPS)
    shorter = program.run(setting, (1,), STEPS // 2)
    np.testing.assert_array_equal(longer.value[..., : STEPS // 2], shorter.value)
    assert longer.held_out[0, 0, 4] == shorter.held_out[0, 0, 8]


def test_the_search_finds_the_best_rate_of_a_quadratic_from_far_away():
    """Without noise and with curvature 1 a rate of 1 is exact at once."""
    contender = dataclasses.replace(
        CONTENDERS["schedules"],
        make=lambda task: Contestant(
            lambda setting: optax.scale_by_schedule(lambda t: -setting.number * setting.factor[t])
        ),
    )
    task = dataclasses.replace(
        TASKS["quadratic_clean"],
        steps=STEPS,
        make=lambda: quadratic(dimensions=2, condition_number=1.0),
    )
    bests = search(Bench(task, contender, 3, None), rates.SHAPES, STEPS, near=1e-3)
    assert bests["constant", "last"].rate == 1.0
    assert np.all(bests["constant", "last"].losses[:, -1] == 0.0)
    assert set(bests) == {(shape, v) for shape in rates.SHAPES for v in ("last", "averaged")}


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_makes_an_optimizer(name):
    """Abstractly, without a number: that optax takes what it is handed, traced."""
    contender = CONTENDERS[name]
    by_inner = {task.inner.name: task for task in TASKS.values() if contender.runs_on(task)}
    params = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}

    def step(setting, contestant):
        tx = contestant.make(setting)
        state = tx.init(params)
        updates, state = tx.update(params, state, params, value=jnp.float32(1.0))
        return contestant.eval_params(state, optax.apply_updates(params, updates))

    for name in ("sgd", "momentum", "adamw"):
        if name not in by_inner:
            continue
        task = by_inner[name]
        contestant = contender.make(task)
        setting = Setting(jnp.ones(task.steps), jnp.float32(0.1), jnp.int32(task.steps))
        found = jax.eval_shape(lambda given, c=contestant: step(given, c), setting)
        assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, params)


def test_faults_are_what_they_say():
    given = faults.disturbances(2000)
    assert set(given) == {"undisturbed", "nonfinite", "spike", "burst"}
    struck = np.isnan(given["nonfinite"].blow)
    assert 0.005 < struck.mean() < 0.015
    assert not struck[0]
    assert given["spike"].blow[1200] == 100.0
    assert np.sum(given["spike"].blow != 1.0) == 1
    assert np.flatnonzero(given["burst"].altered).tolist() == [*range(1000, 1020)]
    assert np.all(given["undisturbed"].blow == 1.0)
    assert not given["undisturbed"].altered.any()


def test_a_schedule_that_is_told_of_a_drift_beats_one_that_is_not():
    task = dataclasses.replace(
        TASKS["quadratic_noisy"],
        steps=80,
        make=lambda: quadratic(dimensions=4, condition_number=4.0, gradient_noise=0.2),
    )
    bench = Bench(task, CONTENDERS["schedules"], 3, None)
    rows = {row.contender: row for row in DRIFT.run(bench, lambda task: 0.3).rows}
    assert set(rows) == {"cosine", "afresh"}
    assert np.median(rows["afresh"].losses) < np.median(rows["cosine"].losses)
