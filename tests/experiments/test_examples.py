"""Each example, run in small, comes to what it claims."""

import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
EXAMPLES = EXPERIMENTS / "examples"


def example(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.fixture
def quick_to_compile():
    """For programs that take longer to be optimized than to run."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def test_every_example_stands_in_the_table():
    table = (EXPERIMENTS / "README.md").read_text()
    scripts = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert len(scripts) == 3
    for script in scripts:
        assert f"| [{script}](examples/{script}) |" in table
        assert f"python experiments/examples/{script}" in (EXAMPLES / script).read_text()


def test_the_trust_ratio_brings_the_layers_together(quick_to_compile, capsys):
    plain, together = example("trust_ratio")["main"](num_steps=300, batch_size=32).values()
    assert plain.spread > 8
    assert together.spread < 1.1
    assert min(plain.accuracy, together.accuracy) > 0.8
    assert capsys.readouterr().out.count("of their norm a step") == 8


def test_adam_leaves_the_plateau_first_and_the_others_later_at_higher_rates(quick_to_compile):
    outcomes = example("plateaus")["main"](
        num_steps=500, num_examples=100, num_seeds=1, fixed_rates=(0.01,)
    )
    found = {name: without_rate for name, (without_rate, _) in outcomes.items()}
    adam = found.pop("Adam")
    assert adam.last_loss[0] < 0.01
    assert len(found) == 3
    for other in found.values():
        assert adam.steps_to_leave[0] < 0.8 * other.steps_to_leave[0] < np.inf
        assert adam.rate[0] < 0.1 * other.rate[0]
        assert other.last_loss[0] < 1.0
    # No rate is one for all of them: at Adam's best of the grid the others do not leave.
    left = {name: np.isfinite(fixed.steps_to_leave).all() for name, (_, fixed) in outcomes.items()}
    assert left == {"gradient descent": False, "momentum": False, "Adagrad": False, "Adam": True}
    assert "0 of 1 left" in str(outcomes["momentum"][1])


def test_langevin_noise_and_schedule_agree_at_every_step():
    """The variance of the noise is twice the rate, from the first update on."""
    step_size, power, size = 0.4, 0.55, 200_000
    tx = example("langevin")["langevin"](step_size, power, jax.random.key(3))
    opt_state = tx.init(jnp.zeros(2 * size))
    gradients = np.repeat(np.float32([100.0, 0.0]), size)
    for step in range(4):
        updates, opt_state = tx.update(jnp.asarray(gradients), opt_state)
        pushed, noise = np.split(np.asarray(updates), 2)
        expected = step_size * (1 + step) ** -power
        # Five standard errors; a count that began elsewhere would be 12 % off or more.
        assert noise.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / size))
        assert -2 * pushed.mean() / 100 == pytest.approx(expected, rel=1e-3)


def test_langevin_samples_are_those_of_the_posterior():
    outcome = example("langevin")["main"](num_steps=5000, num_chains=40)
    deviations = np.sqrt(np.diag(outcome.exact_covariance))
    # Accurate enough for the comparison to mean something; then, within the Monte Carlo error.
    assert np.all(outcome.mean_standard_error < 0.15 * deviations)
    errors = outcome.mean - outcome.exact_mean
    assert np.all(np.abs(errors) < 4 * outcome.mean_standard_error)
    assert np.all(outcome.variance_ratio_standard_error < 0.15)
    excess = outcome.variance_ratio - outcome.expected_variance_ratio
    assert np.all(np.abs(excess) < 4 * outcome.variance_ratio_standard_error)
    # Two of the coefficients are correlated, and so are their samples.
    exact, sampled = (
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        for covariance in (outcome.exact_covariance, outcome.covariance)
    )
    assert exact < -0.4
    assert sampled == pytest.approx(exact, abs=0.15)
