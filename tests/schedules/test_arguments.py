"""Wrong arguments are refused at once, with the argument, its value and what is allowed."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optax_aware import schedules as oas
from tests.schedules.table import CASES

ANY = oas.constant(0.1)

# (what is called, arguments, the argument that is named, a part of what is allowed)
WRONG = [
    (oas.exponential, (0.1, 0.5, 10, 1), "staircase", "True or False"),
    (oas.inverse_time, (0.1, 0.5, 10, "yes"), "staircase", "True or False"),
    (oas.multi_step, (0.1, [30, 15]), "boundaries", "sorted"),
    (oas.multi_step, (0.1, [-1, 15]), "boundaries[0]", "[0, inf)"),
    (oas.multi_step, (0.1, 15), "boundaries", "a sequence of numbers"),
    (oas.multi_step, (0.1, "15"), "boundaries", "a sequence of numbers"),
    (oas.multi_step, (0.1, np.ones((2, 2))), "boundaries", "one dimension"),
    (oas.multi_step, (0.1, [1, float("nan")]), "boundaries[1]", "[0, inf)"),
    (oas.piecewise_constant, ([0.1, 0.2], [10, 20]), "values", "must have 3 elements"),
    (oas.piecewise_constant, ([0.1, -0.2], [10]), "values[1]", "[0, inf)"),
    (oas.piecewise_constant, ([0.1, 0.2], [[10]]), "boundaries[0]", "[0, inf)"),
    (oas.cosine_restarts, (0.1, 0), "period", "(0, inf)"),
    (oas.cosine_restarts, (0.1, 10, 0.5), "period_factor", "[1, inf)"),
    (oas.cosine_restarts, (0.1, 10, 1.0, 1.5), "peak_factor", "[0, 1]"),
    (oas.triangular, (0.1, 0.5, 0), "half_period", "(0, inf)"),
    (oas.triangular, (0.1, 0.5, 10, "triangle"), "mode", "'triangular2'"),
    (oas.triangular, (0.1, 0.5, 10, "exp_range", 1.5), "decay_rate", "[0, 1]"),
    (oas.one_cycle, (0.1, 100, 1.5), "warmup_fraction", "[0, 1]"),
    (oas.one_cycle, (0.1, 100, 0.6, 0.04, 0.0, "linear", True), "warmup_fraction", "[0, 0.5]"),
    (oas.one_cycle, (0.1, 100, 0.3, 0.04, 0.0, "cos"), "shape", "'cosine'"),
    (oas.one_cycle, (0.1, 100, 0.3, 0.04, 0.0, "cosine", 3), "three_phase", "True or False"),
    (oas.warmup_stable_decay, (0.1, 1, 1, 1, 0.0, 0.0, "sqrt"), "shape", "'1-sqrt'"),
    (oas.noam, (0, 4000), "model_dim", "(0, inf)"),
    (oas.warmup, (0.1, 10), "schedule", "a schedule"),
    (oas.warmup, (ANY, 10, 0.0, "sine"), "shape", "'constant'"),
    (oas.join, ([ANY, ANY], []), "boundaries", "must have 1 elements"),
    (oas.join, ([], []), "schedules", "at least one"),
    (oas.join, (ANY, []), "schedules", "a sequence"),
    (oas.join, ([ANY, 0.1], [10]), "schedules[1]", "a schedule"),
    (oas.join, ([ANY, ANY, ANY], [10, 5]), "boundaries", "sorted"),
    (oas.per_epoch, (ANY, 0), "steps_per_epoch", "[1, inf)"),
    (oas.per_epoch, (ANY, 10, None), "staircase", "True or False"),
    (oas.clip, (ANY, 0.5, 0.1), "max_value", "[0.5, inf)"),
    (oas.scale, (ANY, float("inf")), "factor", "(-inf, inf)"),
]


@pytest.mark.parametrize(
    ("function", "arguments", "name", "allowed"),
    WRONG,
    ids=[f"{case[0].__name__}-{case[2]}-{index}" for index, case in enumerate(WRONG)],
)
def test_wrong_arguments(function, arguments, name, allowed):
    with pytest.raises(ValueError, match=re.escape(allowed)) as caught:
        function(*arguments)
    assert str(caught.value).startswith(f"{name} must ")
    assert f"{name}=" in str(caught.value)


# Every number of every schedule once, with the first case that has it.
NUMBERS = list(
    {
        (case.public_name, name): (case, name) for case in reversed(CASES) for name in case.numbers
    }.values()
)


@pytest.mark.parametrize(
    ("case", "name"), NUMBERS, ids=[f"{case.label}-{name}" for case, name in NUMBERS]
)
def test_every_number_is_checked(case, name):
    sequence = isinstance(case.numbers[name], tuple)
    refused = [float("nan"), float("inf"), "0.1", None, True, 1j, np.ones(3)]
    if name not in ("factor", "min_value", "max_value") or case.label in (
        "multi_step",
        "triangular",
    ):
        refused.append(-1.0)
    for value in refused:
        wrong = (value, *case.numbers[name][1:]) if sequence else value
        with pytest.raises(ValueError, match="must be") as caught:
            case.build(**{**case.numbers, name: wrong})
        assert str(caught.value).startswith(f"{name}[0] must" if sequence else f"{name} must")


def test_a_traced_vector_is_refused_where_a_number_is_wanted():
    with pytest.raises(ValueError, match=re.escape("init_value must be a scalar")):
        jax.jit(lambda peaks: oas.cosine(peaks, 10)(0))(jnp.ones(3))
    with pytest.raises(ValueError, match="boundaries must have one dimension"):
        jax.jit(lambda boundaries: oas.multi_step(1.0, boundaries)(0))(jnp.ones((2, 2)))


def test_boundaries_may_be_partly_traced():
    @jax.jit
    def rates(first):
        mixed = oas.multi_step(1.0, [first, 20], 0.5)(np.arange(30))
        broken = oas.piecewise_constant([first * 0.0, 1.0, 2.0], [first, 20.5])(np.arange(30))
        return mixed, broken

    mixed, broken = rates(10)
    np.testing.assert_array_equal(mixed, np.repeat([1.0, 0.5, 0.25], 10))
    np.testing.assert_array_equal(broken, np.repeat([0.0, 1.0, 2.0], [10, 11, 9]))
