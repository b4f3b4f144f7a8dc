"""Text, and what has no labels."""

from functools import partial

from experiments.suite.problems.factorisation import autoencoder, matrix_factorisation
from experiments.suite.problems.text import characters
from experiments.suite.tasks.entry import task
from experiments.suite.tasks.task import FEW_SEEDS

TASKS = (
    task(
        "characters_gru",
        "English by character, GRU of width 24, batch 8",
        "adam",
        300,
        partial(characters, "gru", width=24, length=12, batch_size=8),
        seeds=FEW_SEEDS,
    ),
    task(
        "characters_transformer",
        "English by character, one block of width 24, batch 8, weight decay",
        "adamw",
        300,
        partial(characters, "transformer", width=24, length=16, batch_size=8),
        seeds=FEW_SEEDS,
    ),
    task(
        "digits_autoencoder",
        "digits through 8 units and back, batch 16",
        "adam_b2_0.95",
        1000,
        partial(autoencoder, (24, 8, 24), batch_size=16),
        seeds=FEW_SEEDS,
    ),
    task(
        "matrix_factorisation",
        "a 30 by 30 matrix of rank 4 from noisy entries, batch 64",
        "adam",
        1000,
        partial(matrix_factorisation, side=30, rank=4, noise=0.3, batch_size=64),
    ),
)
