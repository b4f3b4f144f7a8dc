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
        features = images
        for name in ("convolution1", "convolution2"):
            pooled = convolve_and_pool(features, params[name], padding=1, columns=2)
            features = jax.nn.relu(pooled)
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
        pooled = convolve_and_pool(images, params["convolution1"], padding=2, columns=4)
        features = jax.nn.relu(pooled)
        pooled = convolve_and_pool(features, params["convolution2"], padding=0, columns=2)
        features = jax.nn.relu(pooled)
        flat = features.reshape(images.shape[0], -1)
        return _dense_layers(params, flat, ("dense1", "dense2", "dense3"))

    return Model(lambda seed: _glorot(seed, shapes), apply)


def convolve_and_pool(
    images: jax.Array, layer: dict[str, jax.Array], *, padding: int, columns: int
) -> jax.Array:
    """Convolve with stride 1 and take the largest of each 2 by 2 square, as one product.

    A block of two output rows and some columns is linear in the pixels it sees, by one banded
    matrix for every block. Its outputs are ordered by their place in the squares, so that
    pooling compares four contiguous parts. The matrix is mostly zeros, and still the fastest
    way on a CPU: XLA's own convolution is slow inside a loop, slower under ``vmap`` over
    kernels, and the gradients of pooling that looks for its squares in images are as slow.

    Args:
      images: shape (batch, height, width, channels).
      layer: ``kernel`` of shape (size, size, channels, filters) and ``bias``.
      padding: rows and columns of zeros on each side.
      columns: output columns in one block before pooling, even, a divisor of the output's
        width. Fewer mean fewer zeros and smaller products.

    Returns:
      Shape (batch, height, width, filters), half as high and wide as what was convolved.
    """
    kernel, bias = layer["kernel"], layer["bias"]
    size, filters = kernel.shape[0], kernel.shape[-1]
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    batch, height, width, _ = images.shape
    rows, width = height - size + 1, width - size + 1
    seen = columns + size - 1
    matrix = jnp.einsum("hwcf,hrp,wsjq->rscpqjf", kernel, *_bands(size, columns))
    windows = jnp.stack(
        [
            jnp.concatenate(
                [
                    images[:, row : row + rows - 1 : 2, left : left + seen].reshape(
                        batch, rows // 2, -1
                    )
                    for row in range(size + 1)
                ],
                axis=-1,
            )
            for left in range(0, width, columns)
        ],
        axis=2,
    )
    blocks = windows @ matrix.reshape(windows.shape[-1], 2 * columns * filters)
    squares = blocks.reshape(batch, rows // 2, width // columns, 4, -1)
    upper = jnp.maximum(squares[..., 0, :], squares[..., 1, :])
    lower = jnp.maximum(squares[..., 2, :], squares[..., 3, :])
    return jnp.maximum(upper, lower).reshape(batch, rows // 2, width // 2, filters) + bias


def _bands(size: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Which kernel row and column joins which seen pixel to which output.

    Returns:
      For rows, shape (size, seen, 2); for columns, shape (size, seen, columns / 2, 2), whose
      last axis is the place in the square.
    """
    rows = [np.eye(size + 1, 2, -offset, np.float32) for offset in range(size)]
    across = [np.eye(columns + size - 1, columns, -offset, np.float32) for offset in range(size)]
    return np.stack(rows), np.stack(across).reshape(size, -1, columns // 2, 2)


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
