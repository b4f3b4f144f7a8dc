"""Regressions: on tables, and on what another network teaches."""

import math
from functools import partial

from experiments.suite.problems.regression import table_regression, teacher
from experiments.suite.tasks.entry import task

TASKS = (
    task(
        "teacher",
        "a network taught by another, new data at every step, batch 16",
        "adam",
        1000,
        partial(teacher, (24,), batch_size=16, noise=0.1),
    ),
    task(
        "teacher_likelihood",
        "the same with a Gaussian likelihood, a loss that becomes negative, batch 32",
        "adam",
        1000,
        partial(teacher, (24,), batch_size=32, noise=0.1, likelihood=True),
        floor=math.log(0.1) + 0.5,
    ),
    task(
        "diabetes",
        "442 patients, 16 units, squared error, batch 16, weight decay",
        "adamw",
        300,
        partial(table_regression, "diabetes", (16,), batch_size=16),
    ),
    task(
        "friedman",
        "Friedman's first regression, 32 units, batch 16",
        "rms",
        1000,
        partial(table_regression, "friedman1", (32,), batch_size=16),
    ),
    task(
        "teacher_heavy_tails",
        "taught with noise of Student's t, the loss times 100, batch 16",
        "sgd",
        1500,
        partial(teacher, (24,), batch_size=16, noise=0.3, degrees_of_freedom=3.0, loss_scale=100.0),
    ),
    task(
        "teacher_likelihood_clipped",
        "Gaussian likelihood, clipped gradients, two layers of 16, batch 16",
        "clipped_momentum",
        1000,
        partial(teacher, (16, 16), batch_size=16, noise=0.2, likelihood=True),
        floor=math.log(0.2) + 0.5,
    ),
)
