"""The models the workloads train: pure functions of their parameters."""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Params = dict[str, dict[str, jax.Array]]


class Model(NamedTuple):
    """A classifier of images.

    Attributes:
      init: maps a seed to parameters.
      apply: maps parameters and images (batch, height, width, channels) to logits.
    """

    init: Callable[[int], Params]
    apply: Callable[[Params, jax.Array], jax.Array]


def mlp(inputs: int, hidden: tuple[int, ...], classes: int) -> Model:
    """Fully connected layers with ReLU between them."""
    widths = (inputs, *hidden, classes)
    shapes = {f"dense{i}": pair for i, pair in enumerate(itertools.pairwise(widths))}

    def apply(params: Params, images: jax.Array) -> jax.Array:
        return _dense_layers(params, images.reshape(images.shape[0], -1), tuple(shapes))

    return Model(lambda seed: _glorot(seed, shapes), apply)


def small_cnn(classes: int) -> Model:
    """For images of 8 by 8: 3x3x16 and 3x3x32 with padding and pooling, then 64 units."""
    shapes = {
        "convolution1": (3, 3, 1, 16),
        "convolution2": (3, 3, 16, 32),
        "dense1": (2 * 2 * 32, 64),
        "dense2": (64, classes),
    }

    def apply(params: Params, images: jax.Array) -> jax.Array:
        features = jax.nn.relu(max_pool(convolve(images, params["convolution1"], padding=1)))
        features = jax.nn.relu(max_pool(convolve(features, params["convolution2"], padding=1)))
        return _dense_layers(params, features.reshape(images.shape[0], -1), ("dense1", "dense2"))

    return Model(lambda seed: _glorot(seed, shapes), apply)


def lenet(classes: int) -> Model:
    """The modernised LeNet for images of 28 by 28: ReLU and max-pooling, 61,706 parameters.

    Convolution 5x5x6 with padding 2, pooling 2x2, convolution 5x5x16, pooling 2x2, then
    fully connected layers of 120, 84 and ``classes`` units.

    References:
      LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998,
      doi:10.1109/5.726791. Zhang et al., Dive into Deep Learning, section 12.11, trains this
      variant, with ReLU and max-pooling, under different schedules.
    """
    shapes = {
        "convolution1": (5, 5, 1, 6),
        "convolution2": (5, 5, 6, 16),
        "dense1": (5 * 5 * 16, 120),
        "dense2": (120, 84),
        "dense3": (84, classes),
    }

    def apply(params: Params, images: jax.Array) -> jax.Array:
        layer = convolve(images, params["convolution1"], padding=2, columns_per_block=14)
        features = jax.nn.relu(max_pool(layer))
        features = jax.nn.relu(max_pool(convolve(features, params["convolution2"], padding=0)))
        flat = features.reshape(images.shape[0], -1)
        return _dense_layers(params, flat, ("dense1", "dense2", "dense3"))

    return Model(lambda seed: _glorot(seed, shapes), apply)


def convolve(
    images: jax.Array,
    layer: dict[str, jax.Array],
    *,
    padding: int,
    columns_per_block: int | None = None,
) -> jax.Array:
    """Convolve with stride 1, as one product with a banded matrix.

    A block of an output row is linear in the ``size`` input rows it sees, and the matrix is
    the same for every block. It is mostly zeros, and still the fastest way on a CPU: XLA's
    own convolution is four to five times slower inside a loop (LeNet, batches of 256, 2
    cores: 134 ms a step against 26 ms), and under ``vmap`` over kernels slower again.

    Args:
      images: shape (batch, height, width, channels).
      layer: ``kernel`` of shape (size, size, channels, filters) and ``bias``.
      padding: rows and columns of zeros on each side.
      columns_per_block: output columns in one block, a divisor of the output's width; None
        for whole rows. Fewer columns mean fewer zeros and smaller products.
    """
    kernel, bias = layer["kernel"], layer["bias"]
    size, _, channels, filters = kernel.shape
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    batch, height, width, _ = images.shape
    rows, columns = height - size + 1, width - size + 1
    block = columns if columns_per_block is None else columns_per_block
    seen = block + size - 1
    band = np.stack([np.eye(seen, block, -offset, np.float32) for offset in range(size)])
    matrix = jnp.einsum("hwcf,wij->hicjf", kernel, band)
    windows = jnp.stack(
        [
            jnp.concatenate(
                [
                    images[:, row : row + rows, left : left + seen].reshape(batch, rows, -1)
                    for row in range(size)
                ],
                axis=-1,
            )
            for left in range(0, columns, block)
        ],
        axis=2,
    )
    blocks = windows @ matrix.reshape(size * seen * channels, block * filters)
    return blocks.reshape(batch, rows, columns, filters) + bias


def max_pool(images: jax.Array) -> jax.Array:
    """The largest value of each 2 by 2 square."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))


def _dense_layers(params: Params, features: jax.Array, names: tuple[str, ...]) -> jax.Array:
    for name in names:
        features = features @ params[name]["kernel"] + params[name]["bias"]
        if name != names[-1]:
            features = jax.nn.relu(features)
    return features


def _glorot(seed: int, shapes: dict[str, tuple[int, ...]]) -> Params:
    """Uniform Glorot initialisation of every kernel, zeros for every bias.

    Reference: Glorot and Bengio, Understanding the difficulty of training deep feedforward
    neural networks, AISTATS 2010, equation 16.
    """
    generator = np.random.default_rng(seed)
    params = {}
    for name, shape in shapes.items():
        receptive_field = math.prod(shape[:-2])
        limit = math.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1])))
        params[name] = {
            "kernel": jnp.asarray(generator.uniform(-limit, limit, shape), jnp.float32),
            "bias": jnp.zeros(shape[-1], jnp.float32),
        }
    return params
