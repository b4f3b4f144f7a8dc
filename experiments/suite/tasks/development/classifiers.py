"""Classifiers of images and tables."""

from functools import partial

import jax.numpy as jnp

from experiments.suite.problems.classification import (
    digits_mlp,
    fashion_lenet,
    fashion_mlp,
    table_mlp,
)
from experiments.suite.tasks.entry import task
from experiments.suite.tasks.task import FEW_SEEDS

TASKS = (
    task(
        "digits_logistic",
        "digits, logistic regression, batch 32",
        "sgd",
        1000,
        partial(digits_mlp, batch_size=32),
    ),
    task(
        "digits_mlp",
        "digits, 32 units, batch 32",
        "sgd",
        1500,
        partial(digits_mlp, 32, batch_size=32),
    ),
    task(
        "digits_mlp_short",
        "digits, 32 units, batch 64",
        "momentum",
        250,
        partial(digits_mlp, 32, batch_size=64),
    ),
    task(
        "digits_mlp_adam",
        "digits, 32 units, batch 16",
        "adam",
        500,
        partial(digits_mlp, 32, batch_size=16),
    ),
    task(
        "digits_batch_4",
        "digits, 16 units, batch 4, a long run",
        "adam",
        5000,
        partial(digits_mlp, 16, batch_size=4),
        seeds=FEW_SEEDS,
    ),
    task(
        "digits_full_batch",
        "300 digits, 16 units, all of them at every step",
        "momentum",
        200,
        partial(digits_mlp, 16, batch_size=None, examples=300),
    ),
    task(
        "digits_wrong_labels",
        "digits, 32 units, batch 32, 10 % of the labels wrong",
        "sgd",
        1500,
        partial(digits_mlp, 32, batch_size=32, wrong_labels=0.1),
    ),
    task(
        "digits_deep",
        "digits, six layers of 16 units, batch 32",
        "adam",
        800,
        partial(digits_mlp, *(16,) * 6, batch_size=32),
    ),
    task(
        "digits_sign",
        "digits, 32 units, batch 32, the sign of the momentum",
        "sign",
        600,
        partial(digits_mlp, 32, batch_size=32),
    ),
    task(
        "fashion_mlp",
        "Fashion-MNIST at 12x12, 16 units, batch 16",
        "sgd",
        1000,
        fashion_mlp,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
    task(
        "fashion_lenet_adam",
        "Fashion-MNIST at 12x12, a small LeNet, batch 8",
        "adam",
        300,
        fashion_lenet,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
    task(
        "breast_cancer",
        "569 tumours, columns not standardised, 16 units, batch 8",
        "sgd",
        1000,
        partial(table_mlp, "breast_cancer", 16, batch_size=8, standardised=False),
    ),
    task(
        "wine",
        "178 wines, 15 % of them mislabelled, logistic regression, all of them at every step",
        "nesterov",
        300,
        partial(table_mlp, "wine", batch_size=None, wrong_labels=0.15),
    ),
    task(
        "moons",
        "two half-moons, two layers of 16 units, batch 4, Lion",
        "lion",
        2000,
        partial(table_mlp, "moons", 16, 16, batch_size=4),
    ),
    task(
        "digits_muon",
        "digits, two layers of 24 units, batch 32, Muon",
        "muon",
        400,
        partial(digits_mlp, 24, 24, batch_size=32),
        seeds=FEW_SEEDS,
    ),
    task(
        "digits_deep_tanh",
        "digits, five layers of 20 tanh units, batch 16",
        "nesterov",
        500,
        partial(digits_mlp, *(20,) * 5, batch_size=16, activation=jnp.tanh, gain=1.0),
    ),
    task(
        "fashion_lenet_momentum",
        "Fashion-MNIST at 12x12, a small LeNet, batch 8",
        "momentum",
        400,
        fashion_lenet,
        needs_fashion_mnist=True,
        seeds=FEW_SEEDS,
    ),
)
