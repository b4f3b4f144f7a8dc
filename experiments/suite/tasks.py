"""The tasks: a problem, an inner optimizer and a length, by name."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from experiments.errors import unknown_name
from experiments.suite.inners import INNERS, Inner
from experiments.suite.problem import Problem
from experiments.suite.problems.classification import (
    digits_mlp,
    fashion_lenet,
    fashion_mlp,
    table_mlp,
)
from experiments.suite.problems.factorisation import autoencoder, matrix_factorisation
from experiments.suite.problems.quadratic import quadratic
from experiments.suite.problems.regression import table_regression, teacher
from experiments.suite.problems.text import characters

SPLIT_FILE = Path(__file__).with_name("split.json")
MANY_SEEDS, FEW_SEEDS = 10, 5


@dataclass(frozen=True)
class Task:
    """A training task.

    Attributes:
      name: what it is called on the command line and in the tables.
      summary: one line about it.
      inner: the inner optimizer.
      steps: updates of a run, the budget T.
      make: makes the problem; takes the folder of Fashion-MNIST's files where it needs them.
      seeds: runs of every contender; few where a run is dear.
      needs_fashion_mnist: whether its data are in files that may be absent.
      floor: what no parameters get below in expectation, where the loss may be 0 or less and
        that is known in closed form; it is taken off before ratios are.
    """

    name: str
    summary: str
    inner: Inner
    steps: int
    make: Callable[..., Problem]
    seeds: int = MANY_SEEDS
    floor: float = 0.0
    needs_fashion_mnist: bool = False

    def problem(self, data_dir: Path | None = None) -> Problem:
        """The problem, with Fashion-MNIST from ``data_dir`` where it needs that.

        Raises:
          UsageError: if its data are absent.
        """
        return self.make(data_dir) if self.needs_fashion_mnist else self.make()

    @property
    def definition(self) -> str:
        """The numbers of its problem, as text."""
        make = self.make
        if isinstance(make, partial):
            given = {name: _described(value) for name, value in sorted(make.keywords.items())}
            return f"{make.func.__name__} {make.args} {given}"
        return make.__name__

    @property
    def module(self) -> str:
        """Where its problem is made."""
        make = self.make.func if isinstance(self.make, partial) else self.make
        return make.__module__


def _described(value: Any) -> Any:
    return getattr(value, "__name__", value)


def _task(
    name: str,
    summary: str,
    inner: str,
    steps: int,
    make: Callable[..., Problem],
    *,
    seeds: int = MANY_SEEDS,
    floor: float = 0.0,
    needs_fashion_mnist: bool = False,
) -> Task:
    return Task(name, summary, INNERS[inner], steps, make, seeds, floor, needs_fashion_mnist)


_DEVELOPMENT = (
    _task(
        "quadratic_noisy",
        "100 dimensions, condition 1e3, noisy gradients",
        "sgd",
        2000,
        partial(quadratic, dimensions=100, condition_number=1e3, gradient_noise=0.3),
    ),
    _task(
        "quadratic_clean",
        "100 dimensions, condition 1e3, no noise",
        "sgd",
        1000,
        partial(quadratic, dimensions=100, condition_number=1e3),
    ),
    _task(
        "quadratic_ill_conditioned",
        "100 dimensions, condition 1e4, no noise, a loss that ends at -5",
        "momentum",
        400,
        partial(quadratic, dimensions=100, condition_number=1e4, offset=-5.0),
        floor=-5.0,
    ),
    _task(
        "quadratic_offset",
        "50 dimensions, condition 1e2, noisy gradients, noise in the loss alone",
        "adam",
        1000,
        partial(
            quadratic,
            dimensions=50,
            condition_number=1e2,
            gradient_noise=1.0,
            value_noise=2.0,
            offset=100.0,
        ),
        floor=100.0,
    ),
    _task(
        "digits_logistic",
        "digits, logistic regression, batch 32",
        "sgd",
        1000,
        partial(digits_mlp, batch_size=32),
    ),
    _task(
        "digits_mlp",
        "digits, 32 units, batch 32",
        "sgd",
        1500,
        partial(digits_mlp, 32, batch_size=32),
    ),
    _task(
        "digits_mlp_short",
        "digits, 32 units, batch 64",
        "momentum",
        250,
        partial(digits_mlp, 32, batch_size=64),
    ),
    _task(
        "digits_mlp_adam",
        "digits, 32 units, batch 16",
        "adam",
        500,
        partial(digits_mlp, 32, batch_size=16),
    ),
    _task(
        "digits_batch_4",
        "digits, 16 units, batch 4, a long run",
        "adam",
        5000,
        partial(digits_mlp, 16, batch_size=4),
        seeds=FEW_SEEDS,
    ),
    _task(
        "digits_full_batch",
        "300 digits, 16 units, all of them at every step",
        "momentum",
        200,
        partial(digits_mlp, 16, batch_size=None, examples=300),
    ),
    _task(
        "digits_wrong_labels",
        "digits, 32 units, batch 32, 10 % of the labels wrong",
        "sgd",
        1500,
        partial(digits_mlp, 32, batch_size=32, wrong_labels=0.1),
    ),
    _task(
        "digits_deep",
        "digits, six layers of 16 units, batch 32",
        "adam",
        800,
        partial(digits_mlp, *(16,) * 6, batch_size=32),
    ),
    _task(
        "digits_sign",
        "digits, 32 units, batch 32, the sign of the momentum",
        "sign",
        600,
        partial(digits_mlp, 32, batch_size=32),
    ),
    _task(
        "fashion_mlp",
        "Fashion-MNIST at 12x12, 16 units, batch 16",
        "sgd",
        1000,
        fashion_mlp,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
    _task(
        "fashion_lenet_adam",
        "Fashion-MNIST at 12x12, a small LeNet, batch 8",
        "adam",
        300,
        fashion_lenet,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
    _task(
        "teacher",
        "a network taught by another, new data at every step, batch 16",
        "adam",
        1000,
        partial(teacher, (24,), batch_size=16, noise=0.1),
    ),
    _task(
        "teacher_likelihood",
        "the same with a Gaussian likelihood, a loss that becomes negative, batch 32",
        "adam",
        1000,
        partial(teacher, (24,), batch_size=32, noise=0.1, likelihood=True),
        floor=math.log(0.1) + 0.5,
    ),
    _task(
        "diabetes",
        "442 patients, 16 units, squared error, batch 16, weight decay",
        "adamw",
        300,
        partial(table_regression, "diabetes", (16,), batch_size=16),
    ),
    _task(
        "characters_gru",
        "English by character, GRU of width 24, batch 8",
        "adam",
        300,
        partial(characters, "gru", width=24, length=12, batch_size=8),
        seeds=FEW_SEEDS,
    ),
)

_REPORT = (
    _task(
        "quadratic_heavy_tails",
        "100 dimensions, condition 3e3, gradient noise of Student's t with 3 degrees of freedom",
        "momentum",
        1500,
        partial(
            quadratic,
            dimensions=100,
            condition_number=3e3,
            gradient_noise=0.2,
            degrees_of_freedom=3.0,
        ),
    ),
    _task(
        "quadratic_rms",
        "60 dimensions, condition 1e4, a little noise",
        "rms",
        300,
        partial(quadratic, dimensions=60, condition_number=1e4, gradient_noise=0.05),
    ),
    _task(
        "breast_cancer",
        "569 tumours, columns not standardised, 16 units, batch 8",
        "sgd",
        1000,
        partial(table_mlp, "breast_cancer", 16, batch_size=8, standardised=False),
    ),
    _task(
        "wine",
        "178 wines, 15 % of them mislabelled, logistic regression, all of them at every step",
        "nesterov",
        300,
        partial(table_mlp, "wine", batch_size=None, wrong_labels=0.15),
    ),
    _task(
        "moons",
        "two half-moons, two layers of 16 units, batch 4, Lion",
        "lion",
        2000,
        partial(table_mlp, "moons", 16, 16, batch_size=4),
    ),
    _task(
        "friedman",
        "Friedman's first regression, 32 units, batch 16",
        "rms",
        1000,
        partial(table_regression, "friedman1", (32,), batch_size=16),
    ),
    _task(
        "teacher_heavy_tails",
        "taught with noise of Student's t, the loss times 100, batch 16",
        "sgd",
        1500,
        partial(teacher, (24,), batch_size=16, noise=0.3, degrees_of_freedom=3.0, loss_scale=100.0),
    ),
    _task(
        "teacher_likelihood_clipped",
        "Gaussian likelihood, clipped gradients, two layers of 16, batch 16",
        "clipped_momentum",
        1000,
        partial(teacher, (16, 16), batch_size=16, noise=0.2, likelihood=True),
        floor=math.log(0.2) + 0.5,
    ),
    _task(
        "characters_transformer",
        "English by character, one block of width 24, batch 8, weight decay",
        "adamw",
        300,
        partial(characters, "transformer", width=24, length=16, batch_size=8),
        seeds=FEW_SEEDS,
    ),
    _task(
        "digits_muon",
        "digits, two layers of 24 units, batch 32, Muon",
        "muon",
        400,
        partial(digits_mlp, 24, 24, batch_size=32),
        seeds=FEW_SEEDS,
    ),
    _task(
        "digits_autoencoder",
        "digits through 8 units and back, batch 16",
        "adam_b2_0.95",
        1000,
        partial(autoencoder, (24, 8, 24), batch_size=16),
        seeds=FEW_SEEDS,
    ),
    _task(
        "matrix_factorisation",
        "a 30 by 30 matrix of rank 4 from noisy entries, batch 64",
        "adam",
        1000,
        partial(matrix_factorisation, side=30, rank=4, noise=0.3, batch_size=64),
    ),
    _task(
        "digits_deep_tanh",
        "digits, five layers of 20 tanh units, batch 16",
        "nesterov",
        500,
        partial(digits_mlp, *(20,) * 5, batch_size=16, activation=jnp.tanh, gain=1.0),
    ),
    _task(
        "fashion_lenet_momentum",
        "Fashion-MNIST at 12x12, a small LeNet, batch 8",
        "momentum",
        400,
        fashion_lenet,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in (*_DEVELOPMENT, *_REPORT)}


def find_task(name: str) -> Task:
    """The task of this name."""
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return TASKS[name]


def split() -> dict[str, dict[str, str]]:
    """The names of the development and of the report tasks, each with why it is there."""
    return json.loads(SPLIT_FILE.read_text(encoding="utf-8"))


def part_of(name: str) -> str:
    """``development`` or ``report``."""
    return next(part for part, members in split().items() if name in members)
