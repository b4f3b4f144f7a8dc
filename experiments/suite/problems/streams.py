"""Regressions whose examples are new at every step: waves, corners, recall, sums."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.losses import half_squared_error
from experiments.suite.problem import Problem

HELD_OUT_EXAMPLES = 500
SINE_FREQUENCY = 8.0
CORNER_INPUTS, CORNER_PIECES = 10, 4
KEYS, KEY_INPUTS = 8, 6

Examples = Callable[[np.random.Generator, tuple[int, ...]], tuple[Any, np.ndarray]]


def waves(units: int, *, batch_size: int, noise: float) -> Problem:
    """A wave of rising frequency, by two layers of sines, half the squared error.

    Reference: Sitzmann et al., Implicit Neural Representations with Periodic Activation
    Functions, 2020, arXiv:2006.09661, whose initialisation this is.
    """

    def examples(generator, shape):
        places = generator.uniform(-1.0, 1.0, shape)
        answers = np.sin(8.0 * (places + 1.2) ** 2) + 0.5 * places
        return places, answers + noise * generator.standard_normal(shape)

    def init(generator):
        def uniform(inputs, outputs, limit):
            kernel = generator.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
            bias = generator.uniform(-limit, limit, outputs).astype(np.float32)
            return {"kernel": kernel, "bias": bias}

        limit = float(np.sqrt(6.0 / units))
        return [
            uniform(1, units, 1.0),
            uniform(units, units, limit / SINE_FREQUENCY),
            uniform(units, 1, limit / SINE_FREQUENCY),
        ]

    def predict(params, places):
        def activation(inputs):
            return jnp.sin(SINE_FREQUENCY * inputs)

        return networks.dense_apply(params, places[..., None], activation)[..., 0]

    return _stream(examples, init, predict, half_squared_error, batch_size)


def corners(units: int, *, batch_size: int, noise: float) -> Problem:
    """The largest of some linear functions, by a layer of ReLUs, mean absolute error.

    Args:
      units: of the network.
      batch_size: new examples a step.
      noise: scale of Laplace's distribution, whose mean absolute value it is.
    """
    pieces = np.random.default_rng(31).normal(size=(CORNER_INPUTS, CORNER_PIECES))
    pieces /= np.sqrt(CORNER_INPUTS)

    def examples(generator, shape):
        inputs = generator.standard_normal((*shape, CORNER_INPUTS))
        answers = np.max(inputs @ pieces, axis=-1)
        return inputs, answers + generator.laplace(0.0, noise, shape)

    def mean_absolute_error(predictions, answers):
        return jnp.mean(jnp.abs(predictions - answers))

    return _stream(
        examples,
        lambda generator: networks.dense_init(generator, (CORNER_INPUTS, units, 1)),
        lambda params, inputs: networks.dense_apply(params, inputs)[..., 0],
        mean_absolute_error,
        batch_size,
    )


def recall(width: int, *, batch_size: int, noise: float) -> Problem:
    """The value whose key a query asks for, by attention with two learned projections.

    Keys and queries are normal; which go together is a fixed matrix that has to be learned. It
    is found as a product of two thin matrices, so that there is a saddle at zero.
    """
    relation = np.random.default_rng(32).normal(size=(KEY_INPUTS, KEY_INPUTS))

    def attend(scores, values):
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return np.sum(weights * values, axis=-1) / weights.sum(-1)

    def examples(generator, shape):
        queries = generator.standard_normal((*shape, KEY_INPUTS))
        keys = generator.standard_normal((*shape, KEYS, KEY_INPUTS))
        values = generator.standard_normal((*shape, KEYS))
        answers = attend(np.einsum("...i,ij,...kj->...k", queries, relation, keys), values)
        return (queries, keys, values), answers + noise * generator.standard_normal(shape)

    def init(generator):
        return {
            "query": networks.normal(generator, (KEY_INPUTS, width), 0.3),
            "key": networks.normal(generator, (KEY_INPUTS, width), 0.3),
            "value": np.ones(1, np.float32),
        }

    def predict(params, inputs):
        queries, keys, values = inputs
        scores = jnp.einsum("bw,bkw->bk", queries @ params["query"], keys @ params["key"])
        attended = jnp.sum(jax.nn.softmax(scores) * values, axis=-1)
        return params["value"][0] * attended

    return _stream(examples, init, predict, half_squared_error, batch_size)


def sums(width: int, *, length: int, batch_size: int, noise: float) -> Problem:
    """The sum of the two marked numbers of a sequence, by a long short-term memory.

    Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997,
    doi:10.1162/neco.1997.9.8.1735, experiment 4; with the forget gate of Gers et al., 2000,
    doi:10.1162/089976600300015015.
    """

    def examples(generator, shape):
        numbers = generator.uniform(-1.0, 1.0, (*shape, length))
        order = np.argsort(generator.random((*shape, length)), axis=-1)
        marks = (order < 2).astype(float)
        answers = np.sum(numbers * marks, axis=-1) + noise * generator.standard_normal(shape)
        return np.stack([numbers, marks], axis=-1), answers

    def init(generator):
        gates = networks.dense_init(generator, (2 + width, 4 * width), gain=1.0)[0]
        gates["bias"][width : 2 * width] = 1.0
        return {"gates": gates, "out": networks.dense_init(generator, (width, 1), gain=1.0)}

    return _stream(examples, init, _long_short_term_memory, half_squared_error, batch_size)


def _long_short_term_memory(params, sequences: jax.Array) -> jax.Array:
    """What is read out after the last of a sequence of shape (batch, length, features)."""
    kernel, bias = params["gates"]["kernel"], params["gates"]["bias"]
    features = sequences.shape[-1]
    width = kernel.shape[1] // 4
    from_inputs = sequences @ kernel[:features] + bias

    def cell(carry, seen):
        memory, state = carry
        gates = seen + state @ kernel[features:]
        enter, forget, leave = jnp.split(jax.nn.sigmoid(gates[:, : 3 * width]), 3, axis=-1)
        memory = forget * memory + enter * jnp.tanh(gates[:, 3 * width :])
        return (memory, leave * jnp.tanh(memory)), None

    start = jnp.zeros((sequences.shape[0], width))
    (_, state), _ = jax.lax.scan(cell, (start, start), jnp.swapaxes(from_inputs, 0, 1))
    return networks.dense_apply(params["out"], state)[:, 0]


def _stream(
    examples: Examples,
    init: Callable[[np.random.Generator], Any],
    predict: Callable[[Any, Any], jax.Array],
    measure: Callable[[jax.Array, jax.Array], jax.Array],
    batch_size: int,
) -> Problem:
    """New examples at every step and fixed ones held out; altered answers are negated."""

    def single(tree):
        return jax.tree.map(lambda leaf: leaf.astype(np.float32), tree)

    inputs, answers = single(examples(np.random.default_rng(30), (HELD_OUT_EXAMPLES,)))
    arrays = {
        "held_out_inputs": jax.tree.map(jnp.asarray, inputs),
        "held_out_answers": jnp.asarray(answers),
    }

    def draw(generator, steps):
        return single(examples(generator, (steps, batch_size)))

    def batch(arrays, drawn, altered):
        inputs, answers = drawn
        return inputs, jnp.where(altered, -answers, answers)

    def loss(params, batch):
        inputs, answers = batch
        return measure(predict(params, inputs), answers)

    def held_out(params, arrays, altered):
        held = arrays["held_out_inputs"], arrays["held_out_answers"]
        return loss(params, batch(arrays, held, altered))

    return Problem(arrays, init, draw, batch, loss, held_out)
