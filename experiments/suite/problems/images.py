"""Digits: named by a residual network, encoded with noise, told apart in pairs."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.convolutions import convolve, max_pool
from experiments.suite.noise import choices
from experiments.suite.problem import Problem
from experiments.suite.problems.classification import classifier, digits

SIDE, CLASSES, CHANNELS, BLOCKS = 8, 10, 12, 2
PIXEL_DEVIATION = 0.2
TEMPERATURE = 0.2
HELD_OUT_PAIRINGS = 20


def residual(*, batch_size: int) -> Problem:
    """A convolution, pooling, two residual blocks with layer normalisation, and a linear layer.

    References: He et al., Identity Mappings in Deep Residual Networks, 2016, arXiv:1603.05027;
    Ba et al., Layer Normalization, 2016, arXiv:1607.06450, here over the channels of a pixel.
    """

    def convolution(generator, channels):
        spread = np.sqrt(2.0 / (9 * channels))
        return {
            "kernel": networks.normal(generator, (3, 3, channels, CHANNELS), spread),
            "bias": np.zeros(CHANNELS, np.float32),
        }

    def normalisation():
        return {"gain": np.ones(CHANNELS, np.float32), "offset": np.zeros(CHANNELS, np.float32)}

    def init(generator):
        return {
            "stem": convolution(generator, 1),
            "blocks": [
                {"convolution": convolution(generator, CHANNELS), "normalisation": normalisation()}
                for _ in range(BLOCKS)
            ],
            "normalisation": normalisation(),
            "out": networks.dense_init(generator, (CHANNELS, CLASSES), gain=1.0),
        }

    def apply(params, inputs):
        images = inputs.reshape(-1, SIDE, SIDE, 1)
        features = max_pool(convolve(images, params["stem"], padding=1))
        for block in params["blocks"]:
            before = jax.nn.relu(_normalised(features, block["normalisation"]))
            features = features + convolve(before, block["convolution"], padding=1)
        features = jax.nn.relu(_normalised(features, params["normalisation"]))
        return networks.dense_apply(params["out"], features.mean((1, 2)))

    return classifier(digits(), init, apply, batch_size)


def _normalised(features: jax.Array, layer: dict[str, jax.Array]) -> jax.Array:
    centred = features - features.mean(-1, keepdims=True)
    scaled = centred * jax.lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-5)
    return scaled * layer["gain"] + layer["offset"]


def variational_autoencoder(units: int, codes: int, *, batch_size: int) -> Problem:
    """Digits by way of normal codes, the negative evidence lower bound in nats an image.

    Pixels are normal around what is decoded, with a fixed deviation, and the constant of their
    density is left out, so that the bound is above 0. Altered: images negated.

    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2013, arXiv:1312.6114.
    """
    train, _, held_out_images, _ = digits()
    pixels = train.shape[1]
    noise = networks.normal(np.random.default_rng(33), (len(held_out_images), codes))
    arrays = {
        "train": jnp.asarray(train, jnp.float32),
        "held_out": jnp.asarray(held_out_images, jnp.float32),
        "held_out_noise": jnp.asarray(noise),
    }

    def init(generator):
        return {
            "encoder": networks.dense_init(generator, (pixels, units, 2 * codes), 1.0),
            "decoder": networks.dense_init(generator, (codes, units, pixels), 1.0),
        }

    def draw(generator, steps):
        chosen = choices(generator, steps, batch_size, len(train))
        return chosen, networks.normal(generator, (steps, batch_size, codes))

    def seen(images, altered):
        return jnp.where(altered, -images, images)

    def batch(arrays, drawn, altered):
        chosen, noise = drawn
        return seen(arrays["train"][chosen], altered), noise

    def loss(params, batch):
        images, noise = batch
        encoded = networks.dense_apply(params["encoder"], images, jnp.tanh)
        mean, log_deviation = jnp.split(encoded, 2, axis=-1)
        code = mean + jnp.exp(log_deviation) * noise
        decoded = networks.dense_apply(params["decoder"], code, jnp.tanh)
        distance = jnp.sum(jnp.square(images - decoded), -1) / (2.0 * PIXEL_DEVIATION**2)
        squares = jnp.square(mean) + jnp.exp(2.0 * log_deviation)
        divergence = jnp.sum(0.5 * (squares - 1.0) - log_deviation, -1)
        return jnp.mean(distance + divergence)

    def held_out(params, arrays, altered):
        return loss(params, (seen(arrays["held_out"], altered), arrays["held_out_noise"]))

    return Problem(arrays, init, draw, batch, loss, held_out)


def pairs(*hidden: int) -> Problem:
    """Which of ten images shows the same digit, by the cosine of their embeddings.

    A batch is two images of each class, and the loss the cross-entropy of the partner of each
    among the ten, at a temperature of 0.2. It cannot get below 0.034: the cosines of ten
    directions are at least -1/9 on average. Altered: the partner is the next class.

    Reference: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016,
    with cosines for inner products.
    """
    train, train_labels, held_out_images, held_out_labels = digits()
    fixed = _pairings(np.random.default_rng(34), held_out_labels, HELD_OUT_PAIRINGS)
    arrays = {
        "train": jnp.asarray(train, jnp.float32),
        "held_out": jnp.asarray(held_out_images, jnp.float32),
        "held_out_pairings": jnp.asarray(fixed),
    }

    def draw(generator, steps):
        return _pairings(generator, train_labels, steps)

    def paired(images, chosen, altered):
        first, second = images[chosen[..., 0, :]], images[chosen[..., 1, :]]
        return first, jnp.where(altered, jnp.roll(second, 1, axis=-2), second)

    def batch(arrays, chosen, altered):
        return paired(arrays["train"], chosen, altered)

    def embedded(params, images):
        embedding = networks.dense_apply(params, images)
        return embedding * jax.lax.rsqrt(jnp.sum(embedding**2, -1, keepdims=True) + 1e-6)

    def loss(params, batch):
        first, second = (embedded(params, images) for images in batch)
        cosines = first @ jnp.swapaxes(second, -1, -2)
        log_shares = jax.nn.log_softmax(cosines / TEMPERATURE)
        return -jnp.mean(jnp.diagonal(log_shares, axis1=-2, axis2=-1))

    def held_out(params, arrays, altered):
        return loss(params, paired(arrays["held_out"], arrays["held_out_pairings"], altered))

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, (train.shape[1], *hidden)),
        draw,
        batch,
        loss,
        held_out,
    )


def _pairings(generator: np.random.Generator, labels: np.ndarray, count: int) -> np.ndarray:
    """Two different images of each class, shape (count, 2, classes)."""
    columns = []
    for label in range(CLASSES):
        members = np.flatnonzero(labels == label)
        first = generator.integers(0, len(members), count)
        further = generator.integers(1, len(members), count)
        columns.append(members[np.stack([first, (first + further) % len(members)], axis=-1)])
    return np.stack(columns, axis=-1).astype(np.int32)
