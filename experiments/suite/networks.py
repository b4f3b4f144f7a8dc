"""The small networks of the tasks: pure functions of a tree of arrays."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite.convolutions import convolve, max_pool

Layers = list[dict[str, Any]]
Activation = Callable[[jax.Array], jax.Array]


def normal(
    generator: np.random.Generator, shape: tuple[int, ...], spread: float = 1.0
) -> np.ndarray:
    """Normal numbers of this standard deviation."""
    return (spread * generator.standard_normal(shape)).astype(np.float32)


def dense_init(generator: np.random.Generator, widths: Sequence[int], gain: float = 2.0) -> Layers:
    """Normal kernels of variance ``gain / inputs`` and zero biases.

    A gain of 2 suits ReLU (He et al., Delving Deep into Rectifiers, 2015, arXiv:1502.01852),
    1 suits tanh.
    """
    return [
        {
            "kernel": normal(generator, shape, np.sqrt(gain / shape[0])),
            "bias": np.zeros(shape[1], np.float32),
        }
        for shape in itertools.pairwise(widths)
    ]


def dense_apply(layers: Layers, inputs: jax.Array, activation: Activation = jax.nn.relu):
    """Fully connected layers with an activation between them."""
    *hidden, last = layers
    for layer in hidden:
        inputs = activation(inputs @ layer["kernel"] + layer["bias"])
    return inputs @ last["kernel"] + last["bias"]


def lenet_init(generator: np.random.Generator, side: int, classes: int) -> dict:
    """A LeNet for images of ``side`` by ``side``: 5x5x4, pool, 3x3x8, pool, 32 units."""
    return {
        "convolution1": _kernel(generator, 5, 1, 4),
        "convolution2": _kernel(generator, 3, 4, 8),
        "dense": dense_init(generator, ((side // 4) ** 2 * 8, 32, classes)),
    }


def lenet_apply(params: dict, images: jax.Array) -> jax.Array:
    """Logits of images of shape (batch, side, side)."""
    features = images[..., None]
    features = max_pool(jax.nn.relu(convolve(features, params["convolution1"], padding=2)))
    features = max_pool(jax.nn.relu(convolve(features, params["convolution2"], padding=1)))
    return dense_apply(params["dense"], features.reshape(images.shape[0], -1))


def _kernel(
    generator: np.random.Generator, size: int, channels: int, filters: int
) -> dict[str, np.ndarray]:
    spread = np.sqrt(2.0 / (size * size * channels))
    return {
        "kernel": normal(generator, (size, size, channels, filters), spread),
        "bias": np.zeros(filters, np.float32),
    }


def gru_init(generator: np.random.Generator, symbols: int, embedding: int, width: int) -> dict:
    """An embedding, a gated recurrent unit and a linear read-out."""
    return {
        "embedding": normal(generator, (symbols, embedding)),
        "gates": dense_init(generator, (embedding + width, 3 * width), gain=1.0)[0],
        "out": dense_init(generator, (width, symbols), gain=1.0),
    }


def gru_apply(params: dict, symbols: jax.Array) -> jax.Array:
    """Logits of the next symbol after each, for symbols of shape (batch, length).

    Reference: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014,
    arXiv:1406.1078; the reset gate acts after the product, as in most implementations.
    """
    kernel, bias = params["gates"]["kernel"], params["gates"]["bias"]
    width = kernel.shape[1] // 3
    inputs = params["embedding"].shape[1]
    from_inputs = params["embedding"][symbols] @ kernel[:inputs] + bias

    def cell(state: jax.Array, seen: jax.Array):
        from_state = state @ kernel[inputs:]
        both = jax.nn.sigmoid(seen[..., : 2 * width] + from_state[..., : 2 * width])
        reset, update = both[..., :width], both[..., width:]
        candidate = jnp.tanh(seen[..., 2 * width :] + reset * from_state[..., 2 * width :])
        state = update * state + (1 - update) * candidate
        return state, state

    start = jnp.zeros((symbols.shape[0], width))
    _, states = jax.lax.scan(cell, start, jnp.swapaxes(from_inputs, 0, 1))
    return dense_apply(params["out"], jnp.swapaxes(states, 0, 1))


def transformer_init(generator: np.random.Generator, symbols: int, length: int, width: int) -> dict:
    """One block of causal attention with one head, and a feed-forward layer."""
    return {
        "embedding": normal(generator, (symbols, width), 0.5),
        "positions": normal(generator, (length, width), 0.3),
        "attention": dense_init(generator, (width, 3 * width), gain=1.0)[0],
        "projection": dense_init(generator, (width, width), gain=1.0)[0],
        "forward": dense_init(generator, (width, 2 * width, width), gain=1.0),
        "out": dense_init(generator, (width, symbols), gain=1.0),
    }


def transformer_apply(params: dict, symbols: jax.Array) -> jax.Array:
    """Logits of the next symbol after each, for symbols of shape (batch, length).

    Reference: Vaswani et al., Attention Is All You Need, 2017, arXiv:1706.03762, with layer
    normalisation before each part and without its gains and offsets.
    """
    length = symbols.shape[1]
    features = params["embedding"][symbols] + params["positions"][:length]
    width = features.shape[-1]
    attention, projection = params["attention"], params["projection"]
    mixed = _normalise(features) @ attention["kernel"] + attention["bias"]
    query, key, content = jnp.split(mixed, 3, axis=-1)
    scores = jnp.einsum("bqw,bkw->bqk", query, key) / np.sqrt(width)
    causal = np.tril(np.ones((length, length), bool))
    weights = jax.nn.softmax(jnp.where(causal, scores, -1e9))
    attended = jnp.einsum("bqk,bkw->bqw", weights, content)
    features = features + attended @ projection["kernel"] + projection["bias"]
    features = features + dense_apply(params["forward"], _normalise(features))
    return dense_apply(params["out"], _normalise(features))


def _normalise(features: jax.Array) -> jax.Array:
    centred = features - features.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-5)
