"""Problems without labels: an autoencoder, and a matrix as a product of two."""

import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.losses import half_squared_error
from experiments.suite.noise import choices
from experiments.suite.problem import Problem
from experiments.suite.problems.classification import digits


def autoencoder(hidden: tuple[int, ...], *, batch_size: int) -> Problem:
    """Digits through a narrow layer and back, half the squared error a pixel; altered: negated."""
    train, _, held_out_images, _ = digits()
    arrays = {
        "train": jnp.asarray(train, jnp.float32),
        "held_out": jnp.asarray(held_out_images, jnp.float32),
    }
    widths = (train.shape[1], *hidden, train.shape[1])

    def draw(generator, steps):
        return choices(generator, steps, batch_size, len(train))

    def batch(arrays, chosen, altered):
        images = arrays["train"][chosen]
        return images, jnp.where(altered, -images, images)

    def loss(params, batch):
        images, targets = batch
        return half_squared_error(networks.dense_apply(params, images, jnp.tanh), targets)

    def held_out(params, arrays, altered):
        images = arrays["held_out"]
        return loss(params, (images, jnp.where(altered, -images, images)))

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, widths, 1.0),
        draw,
        batch,
        loss,
        held_out,
    )


def matrix_factorisation(*, side: int, rank: int, noise: float, batch_size: int) -> Problem:
    """A matrix of known rank from noisy entries, as the product of two thin ones.

    Not convex, with a saddle at zero. Held out are entries without noise; altered: negated.
    """
    generator = np.random.default_rng(28)
    exact = generator.normal(size=(side, rank)) @ generator.normal(size=(rank, side))
    arrays = {"matrix": jnp.asarray(exact / np.sqrt(rank), jnp.float32)}

    def init(generator):
        return {
            "left": networks.normal(generator, (side, rank), 0.1),
            "right": networks.normal(generator, (rank, side), 0.1),
        }

    def draw(generator, steps):
        rows = choices(generator, steps, batch_size, side)
        columns = choices(generator, steps, batch_size, side)
        return rows, columns, networks.normal(generator, (steps, batch_size), noise)

    def batch(arrays, drawn, altered):
        rows, columns, errors = drawn
        entries = arrays["matrix"][rows, columns] + errors
        return rows, columns, jnp.where(altered, -entries, entries)

    def loss(params, batch):
        rows, columns, entries = batch
        predicted = jnp.sum(params["left"][rows] * params["right"].T[columns], axis=-1)
        return half_squared_error(predicted, entries)

    def held_out(params, arrays, altered):
        matrix = jnp.where(altered, -1.0, 1.0) * arrays["matrix"]
        return half_squared_error(params["left"] @ params["right"], matrix)

    return Problem(arrays, init, draw, batch, loss, held_out)
