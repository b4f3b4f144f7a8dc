"""Classifiers of images and tables, with labels that may be wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.data.digits import load_digits
from experiments.data.fashion_mnist import load_fashion_mnist
from experiments.suite import networks
from experiments.suite.losses import cross_entropy
from experiments.suite.noise import choices
from experiments.suite.problem import Problem

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
FASHION_TRAIN, FASHION_HELD_OUT, FASHION_SIDE = 4000, 500, 12


def digits_mlp(
    *hidden: int,
    batch_size: int | None,
    wrong_labels: float = 0.0,
    examples: int | None = None,
    activation: networks.Activation = jax.nn.relu,
    gain: float = 2.0,
) -> Problem:
    """Fully connected layers on digits."""
    split = digits(wrong_labels=wrong_labels, examples=examples)
    return dense_classifier(split, hidden, batch_size=batch_size, activation=activation, gain=gain)


def table_mlp(
    name: str,
    *hidden: int,
    batch_size: int | None,
    standardised: bool = True,
    wrong_labels: float = 0.0,
) -> Problem:
    """Fully connected layers on a `table`."""
    split = table(name, standardised=standardised, wrong_labels=wrong_labels)
    return dense_classifier(split, hidden, batch_size=batch_size)


def fashion_mlp(data_dir: Path | None) -> Problem:
    """A layer of 16 units on garments, batches of 16."""
    return dense_classifier(fashion(data_dir), (16,), batch_size=16)


def fashion_lenet(data_dir: Path | None) -> Problem:
    """The small LeNet on garments, batches of 8."""
    return lenet_classifier(fashion(data_dir), batch_size=8)


def dense_classifier(
    split: Split,
    hidden: tuple[int, ...],
    *,
    batch_size: int | None,
    activation: networks.Activation = jax.nn.relu,
    gain: float = 2.0,
) -> Problem:
    """Fully connected layers on a data set; a ``batch_size`` of None is the whole of it."""
    inputs, classes = split[0].shape[1], int(split[1].max()) + 1
    widths = (inputs, *hidden, classes)
    return classifier(
        split,
        lambda generator: networks.dense_init(generator, widths, gain),
        lambda params, inputs: networks.dense_apply(params, inputs, activation),
        batch_size,
    )


def lenet_classifier(split: Split, *, batch_size: int) -> Problem:
    """The small LeNet on garments of 12 by 12."""
    classes = int(split[1].max()) + 1
    return classifier(
        split,
        lambda generator: networks.lenet_init(generator, FASHION_SIDE, classes),
        lambda params, inputs: networks.lenet_apply(
            params, inputs.reshape(-1, FASHION_SIDE, FASHION_SIDE)
        ),
        batch_size,
    )


def classifier(
    split: Split,
    init: Callable[[np.random.Generator], Any],
    apply: Callable[[Any, jax.Array], jax.Array],
    batch_size: int | None,
) -> Problem:
    """Cross-entropy over batches drawn with replacement; altered labels are permuted."""
    train_inputs, train_labels, held_out_inputs, held_out_labels = split
    examples, classes = len(train_inputs), int(train_labels.max()) + 1
    arrays = {
        "train_inputs": jnp.asarray(train_inputs, jnp.float32),
        "train_labels": jnp.asarray(train_labels, jnp.int32),
        "held_out_inputs": jnp.asarray(held_out_inputs, jnp.float32),
        "held_out_labels": jnp.asarray(held_out_labels, jnp.int32),
    }

    def permuted(labels, altered):
        return jnp.where(altered, (labels + 1) % classes, labels)

    def draw(generator, steps):
        if batch_size is None:
            return np.zeros((steps, 0), np.int32)
        return choices(generator, steps, batch_size, examples)

    def batch(arrays, chosen, altered):
        if batch_size is None:
            return arrays["train_inputs"], permuted(arrays["train_labels"], altered)
        labels = arrays["train_labels"][chosen]
        return arrays["train_inputs"][chosen], permuted(labels, altered)

    def loss(params, batch):
        inputs, labels = batch
        return cross_entropy(apply(params, inputs), labels)

    def held_out(params, arrays, altered):
        labels = permuted(arrays["held_out_labels"], altered)
        return cross_entropy(apply(params, arrays["held_out_inputs"]), labels)

    return Problem(arrays, init, draw, batch, loss, held_out)


def digits(*, wrong_labels: float = 0.0, examples: int | None = None) -> Split:
    """The 8 by 8 digits, pixels centred, a share of the training labels drawn at random."""
    data = load_digits()
    labels = data.train_labels.copy()
    generator = np.random.default_rng(21)
    wrong = generator.random(len(labels)) < wrong_labels
    labels[wrong] = generator.integers(0, data.classes, wrong.sum())
    chosen = generator.permutation(len(labels))[:examples]

    def centred(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1) / data.brightest - 0.3

    return (
        centred(data.train_images[chosen]),
        labels[chosen],
        centred(data.held_out_images),
        data.held_out_labels,
    )


def fashion(data_dir: Path | None) -> Split:
    """Some garments of Fashion-MNIST, 28 by 28 cut to 24 by 24 and averaged to 12 by 12."""
    data = load_fashion_mnist(data_dir)
    generator = np.random.default_rng(22)
    train = generator.permutation(len(data.train_images))[:FASHION_TRAIN]
    held_out = generator.permutation(len(data.held_out_images))[:FASHION_HELD_OUT]

    def shrunk(images: np.ndarray) -> np.ndarray:
        inside = images[:, 2:-2, 2:-2]
        blocks = inside.reshape(-1, FASHION_SIDE, 2, FASHION_SIDE, 2).mean((2, 4))
        return blocks.reshape(len(images), -1) / data.brightest - 0.3

    return (
        shrunk(data.train_images[train]),
        data.train_labels[train],
        shrunk(data.held_out_images[held_out]),
        data.held_out_labels[held_out],
    )


def table(name: str, *, standardised: bool = True, wrong_labels: float = 0.0) -> Split:
    """A table of scikit-learn: ``breast_cancer``, ``wine`` or the synthetic ``moons``.

    Args:
      name: which one.
      standardised: whether columns have mean 0 and variance 1; else they are divided by their
        largest value alone, and the problem is badly conditioned.
      wrong_labels: the share of labels, held-out ones included, that is drawn at random: with
        all of them right the classes of ``wine`` can be told apart without a mistake, and
        the loss has no minimum.
    """
    import sklearn.datasets  # takes a second to import

    if name == "moons":
        pair = sklearn.datasets.make_moons(2000, noise=0.25, random_state=23)
    else:
        pair = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    inputs, labels = map(np.asarray, pair)
    centre, spread = (inputs.mean(0), inputs.std(0)) if standardised else (0.0, inputs.max(0))
    inputs = (inputs - centre) / spread
    generator = np.random.default_rng(24)
    order = generator.permutation(len(inputs))
    wrong = generator.random(len(labels)) < wrong_labels
    labels = np.where(wrong, generator.integers(0, labels.max() + 1, len(labels)), labels)
    inputs, labels = inputs[order], labels[order]
    split = int(0.7 * len(inputs))
    return inputs[:split], labels[:split], inputs[split:], labels[split:]
