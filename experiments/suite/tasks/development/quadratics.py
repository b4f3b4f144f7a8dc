"""Quadratics."""

from functools import partial

from experiments.suite.problems.quadratic import quadratic
from experiments.suite.tasks.entry import task

TASKS = (
    task(
        "quadratic_noisy",
        "100 dimensions, condition 1e3, noisy gradients",
        "sgd",
        2000,
        partial(quadratic, dimensions=100, condition_number=1e3, gradient_noise=0.3),
    ),
    task(
        "quadratic_clean",
        "100 dimensions, condition 1e3, no noise",
        "sgd",
        1000,
        partial(quadratic, dimensions=100, condition_number=1e3),
    ),
    task(
        "quadratic_ill_conditioned",
        "100 dimensions, condition 1e4, no noise, a loss that ends at -5",
        "momentum",
        400,
        partial(quadratic, dimensions=100, condition_number=1e4, offset=-5.0),
        floor=-5.0,
    ),
    task(
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
    task(
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
    task(
        "quadratic_rms",
        "60 dimensions, condition 1e4, a little noise",
        "rms",
        300,
        partial(quadratic, dimensions=60, condition_number=1e4, gradient_noise=0.05),
    ),
)
