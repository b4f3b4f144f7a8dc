"""The losses of the report tasks against loops in NumPy, and what is known of their minima."""

from functools import cache

import jax
import numpy as np
import pytest

from experiments.suite.problems import images
from experiments.suite.problems.linear import least_posterior, posterior
from experiments.suite.problems.pendulum import pendulum
from experiments.suite.problems.valley import valley
from experiments.suite.tasks import TASKS, split
from tests.experiments.suite import references

NAMES = tuple(split()["report"])


@cache
def problem_of(name):
    return TASKS[name].problem()


def evaluated(problem, params, drawn):
    """Batch, loss, gradient and held-out loss, as it is and altered."""

    @jax.jit
    def evaluate(params, arrays, drawn, altered):
        batch = problem.batch(arrays, drawn, altered)
        loss, gradient = jax.value_and_grad(problem.loss)(params, batch)
        return batch, loss, gradient, problem.held_out(params, arrays, altered)

    return [
        jax.tree.map(np.asarray, evaluate(params, problem.arrays, drawn, np.bool_(altered)))
        for altered in (False, True)
    ]


def first_step(problem, seed):
    """Parameters near the initial ones, none of them 0, and what one step draws."""
    generator = np.random.default_rng(seed)
    params = jax.tree.map(
        lambda leaf: leaf + 0.1 * generator.standard_normal(leaf.shape).astype(np.float32),
        problem.init(generator),
    )
    return params, jax.tree.map(lambda leaf: leaf[0], problem.draw(generator, 1))


def test_every_report_task_has_a_reference():
    assert set(references.LOSSES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_that_of_a_loop(name):
    problem = problem_of(name)
    params, drawn = first_step(problem, 7)
    held_out = []
    for batch, loss, gradient, held in evaluated(problem, params, drawn):
        assert float(loss) == pytest.approx(references.LOSSES[name](params, batch), rel=2e-4)
        assert all(np.isfinite(leaf).all() and leaf.any() for leaf in jax.tree.leaves(gradient))
        held_out.append(float(held))
    assert np.isfinite(held_out).all()
    assert held_out[0] != held_out[1]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) < 20_000


def test_a_pair_is_two_images_of_a_class():
    labels = np.repeat(np.arange(10), 3)
    chosen = images._pairings(np.random.default_rng(7), labels, 50)
    assert chosen.shape == (50, 2, 10)
    np.testing.assert_array_equal(labels[chosen], np.broadcast_to(np.arange(10), chosen.shape))
    assert np.all(chosen[:, 0] != chosen[:, 1])


def test_pairs_have_the_floor_that_they_are_said_to_have():
    """Ten embeddings as far apart as they can be, the same for both images of a class."""
    simplex = np.eye(10, dtype=np.float32) - 0.1
    layer = {"kernel": np.eye(10, dtype=np.float32), "bias": np.zeros(10, np.float32)}
    lowest = float(problem_of("digits_pairs").loss([layer], (simplex, simplex)))
    assert lowest == pytest.approx(0.034, abs=5e-4)
    assert lowest == pytest.approx(
        np.log(1 + 9 * np.exp(-(1 + 1 / 9) / images.TEMPERATURE)), rel=1e-4
    )


def test_a_rare_class_is_rare():
    arrays = problem_of("rare_class").arrays
    for labels in (arrays["train_labels"], arrays["held_out_labels"]):
        assert np.mean(labels) == pytest.approx(1 / 21, rel=0.2)


def test_a_posterior_of_one_weight_reaches_its_floor_and_no_less():
    """With one weight independence costs nothing: the exact posterior is the minimum."""
    numbers = {"inputs": 1, "examples": 20, "noise": 0.3}
    problem = posterior(**numbers, batch_size=4)
    features = np.asarray(problem.arrays["features"], float)
    answers = np.asarray(problem.arrays["answers"], float)
    precision = features[:, 0] @ features[:, 0] / 0.3**2 + 1.0
    mean = features[:, 0] @ answers / 0.3**2 / precision

    def held_out(mean, log_deviation):
        params = {"mean": np.float32([mean]), "log_deviation": np.float32([log_deviation])}
        return float(problem.held_out(params, problem.arrays, np.bool_(False)))

    log_deviation = -0.5 * np.log(precision)
    floor = least_posterior(**numbers)
    assert held_out(mean, log_deviation) == pytest.approx(floor, abs=1e-5)
    assert held_out(mean + 0.05, log_deviation) > floor + 1e-3
    assert held_out(mean, log_deviation + 0.3) > floor + 1e-3


def test_the_held_out_loss_of_a_posterior_is_the_expectation_of_its_loss():
    problem = problem_of("posterior")
    params = problem.init(np.random.default_rng(8))
    everything = np.arange(100, dtype=np.int32)
    samples = np.random.default_rng(9).standard_normal((20_000, 10)).astype(np.float32)

    def loss(sample):
        batch = problem.batch(problem.arrays, (everything, sample), np.bool_(False))
        return problem.loss(params, batch)

    losses = np.asarray(jax.jit(jax.vmap(loss))(samples), float)
    expected = float(problem.held_out(params, problem.arrays, np.bool_(False)))
    error = losses.std() / np.sqrt(len(losses))
    assert losses.mean() == pytest.approx(expected, abs=4 * error)


def test_the_valley_ends_where_all_are_one():
    problem = valley(chains=2, length=3, steepness=10.0, gradient_noise=0.0)
    for place, end in enumerate((1.0, -1.0)):
        params = {"position": np.full((2, 3), end, np.float32)}
        _, loss, gradient, held_out = evaluated(problem, params, np.zeros((2, 3), np.float32))[
            place
        ]
        assert (float(loss), float(held_out)) == (0.0, 0.0)
        assert not gradient["position"].any()


def test_a_pendulum_at_rest_costs_what_it_was_not_lifted():
    """A network of zeros hangs still: it obeys the equation and misses the start."""
    problem = pendulum(3, batch_size=2, push=0.2)
    params = jax.tree.map(np.zeros_like, problem.init(np.random.default_rng(10)))
    pushes = np.asarray(problem.arrays["pushes"], float)
    held_out = problem.held_out(params, problem.arrays, np.bool_(False))
    assert float(held_out) == pytest.approx(0.5 * np.mean(pushes**2) + 0.5 * 1.5**2, rel=1e-5)
