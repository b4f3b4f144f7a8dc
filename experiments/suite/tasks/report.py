"""The tasks that nothing was fitted to."""

from functools import partial

from experiments.suite.problems.images import pairs, residual, variational_autoencoder
from experiments.suite.problems.linear import counts, least_posterior, posterior
from experiments.suite.problems.pendulum import pendulum
from experiments.suite.problems.streams import corners, recall, sums, waves
from experiments.suite.problems.two_classes import odd_digits, rare_class
from experiments.suite.problems.valley import valley
from experiments.suite.problems.words import words
from experiments.suite.tasks.entry import task
from experiments.suite.tasks.task import FEW_SEEDS

TASKS = (
    task(
        "digits_residual",
        "digits, two residual blocks of convolutions with layer normalisation, batch 16",
        "lamb",
        300,
        partial(residual, batch_size=16),
        seeds=FEW_SEEDS,
    ),
    task(
        "digits_variational",
        "digits through four sampled codes, the evidence lower bound, batch 32",
        "adam_b1_0.5",
        800,
        partial(variational_autoencoder, 32, 4, batch_size=32),
        seeds=FEW_SEEDS,
    ),
    task(
        "digits_pairs",
        "digits, which of ten shows the same, cosines of 8 numbers, batch of 10 pairs",
        "momentum_0.95",
        600,
        partial(pairs, 32, 8),
        seeds=FEW_SEEDS,
    ),
    task(
        "odd_digits",
        "digits, odd or even by a linear support vector machine, all of them at every step",
        "nesterov",
        200,
        odd_digits,
    ),
    task(
        "counts",
        "Poisson regression of counts on inputs that go together, batch 4",
        "sgd",
        2000,
        partial(counts, examples=2000, batch_size=4),
    ),
    task(
        "rare_class",
        "one class in twenty-one examples, 16 units, batch 16",
        "sgd",
        1500,
        partial(rare_class, 16, batch_size=16, examples=4000),
    ),
    task(
        "corners",
        "the largest of four linear functions, 16 units, mean absolute error, batch 2, a long run",
        "sgd",
        5000,
        partial(corners, 16, batch_size=2, noise=0.1),
    ),
    task(
        "valley",
        "ten of Rosenbrock's valleys of four dimensions, noisy gradients",
        "momentum_0.95",
        4000,
        partial(valley, chains=10, length=4, steepness=10.0, gradient_noise=0.3),
    ),
    task(
        "posterior",
        "a normal posterior fitted by sampling, a loss that becomes negative, batch 10",
        "momentum",
        1000,
        partial(posterior, inputs=10, examples=100, noise=0.2, batch_size=10),
        floor=least_posterior(inputs=10, examples=100, noise=0.2),
    ),
    task(
        "waves",
        "a wave of rising frequency, two layers of 24 sines, batch 8, a long run",
        "amsgrad",
        3000,
        partial(waves, 24, batch_size=8, noise=0.03),
        seeds=FEW_SEEDS,
    ),
    task(
        "recall",
        "the value that goes with a key, attention of width 8, batch 32",
        "factored_rms",
        800,
        partial(recall, 8, batch_size=32, noise=0.05),
    ),
    task(
        "pendulum",
        "the motion of a damped pendulum from its equation, two layers of 16, batch 16",
        "adam_b2_0.99",
        1500,
        partial(pendulum, 16, 16, batch_size=16, push=0.05),
        seeds=FEW_SEEDS,
    ),
    task(
        "sums",
        "the sum of two marked numbers of eight, LSTM of width 12, batch 16",
        "nadam",
        1000,
        partial(sums, 12, length=8, batch_size=16, noise=0.1),
        seeds=FEW_SEEDS,
    ),
    task(
        "words",
        "English by word, log-bilinear model of width 16, batch 32",
        "adagrad",
        300,
        partial(words, 16, before=3, batch_size=32),
        seeds=FEW_SEEDS,
    ),
)
