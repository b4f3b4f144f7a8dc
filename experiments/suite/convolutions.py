"""Convolution and pooling by themselves, for networks that do not always pool."""

import jax
import jax.numpy as jnp
import numpy as np


def convolve(images: jax.Array, layer: dict[str, jax.Array], *, padding: int) -> jax.Array:
    """Convolve with stride 1, as one product with a banded matrix.

    An output row is linear in the ``size`` input rows it sees, and the matrix is the same for
    every row: see `experiments.models.convolve_and_pool` for why.

    Args:
      images: shape (batch, height, width, channels).
      layer: ``kernel`` of shape (size, size, channels, filters) and ``bias``.
      padding: rows and columns of zeros on each side.
    """
    kernel, bias = layer["kernel"], layer["bias"]
    size, _, channels, filters = kernel.shape
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    batch, height, width, _ = images.shape
    rows, columns = height - size + 1, width - size + 1
    band = np.stack([np.eye(width, columns, -offset, np.float32) for offset in range(size)])
    matrix = jnp.einsum("hwcf,wij->hicjf", kernel, band)
    windows = jnp.concatenate(
        [images[:, row : row + rows].reshape(batch, rows, -1) for row in range(size)], axis=-1
    )
    convolved = windows @ matrix.reshape(size * width * channels, columns * filters)
    return convolved.reshape(batch, rows, columns, filters) + bias


def max_pool(images: jax.Array) -> jax.Array:
    """The largest value of each 2 by 2 square."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))
