"""Two classes: a margin between them, and one of them rare."""

import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.problem import Problem
from experiments.suite.problems.classification import Split, dense_classifier, digits

HELD_OUT_EXAMPLES = 2000
RARE_INPUTS = 20
PENALTY = 1e-3


def odd_digits() -> Problem:
    r"""A linear support vector machine for odd against even digits, all of them at every step.

    .. math:: \frac1n \sum_i \max(0, 1 - y_i (w \cdot x_i + b)) + \tfrac12 10^{-3} |w|^2

    Held out is the first term; altered labels are swapped.
    """
    train, train_labels, held_out_images, held_out_labels = digits()
    arrays = {
        "train": jnp.asarray(train, jnp.float32),
        "train_signs": jnp.asarray(2.0 * (train_labels % 2) - 1.0, jnp.float32),
        "held_out": jnp.asarray(held_out_images, jnp.float32),
        "held_out_signs": jnp.asarray(2.0 * (held_out_labels % 2) - 1.0, jnp.float32),
    }

    def hinge(params, inputs, signs):
        margins = signs * networks.dense_apply(params, inputs)[:, 0]
        return jnp.mean(jnp.maximum(0.0, 1.0 - margins))

    def draw(generator, steps):
        return np.zeros((steps, 0), np.int32)

    def batch(arrays, drawn, altered):
        return arrays["train"], jnp.where(altered, -1.0, 1.0) * arrays["train_signs"]

    def loss(params, batch):
        return hinge(params, *batch) + 0.5 * PENALTY * jnp.sum(params[0]["kernel"] ** 2)

    def held_out(params, arrays, altered):
        signs = jnp.where(altered, -1.0, 1.0) * arrays["held_out_signs"]
        return hinge(params, arrays["held_out"], signs)

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, (train.shape[1], 1), gain=0.1),
        draw,
        batch,
        loss,
        held_out,
    )


def rare_class(*hidden: int, batch_size: int, examples: int) -> Problem:
    """One class in twenty-one examples, in two clouds on either side of the other class."""
    generator = np.random.default_rng(35)
    direction = generator.standard_normal(RARE_INPUTS)
    direction /= np.linalg.norm(direction)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (generator.random(count) < 1.0 / 21.0).astype(np.int32)
        inputs = generator.standard_normal((count, RARE_INPUTS))
        side = generator.choice([-2.7, 2.7], count)
        rare = 0.6 * inputs + side[:, None] * direction
        return np.where(labels[:, None] == 1, rare, inputs), labels

    split: Split = (*drawn(examples), *drawn(HELD_OUT_EXAMPLES))
    return dense_classifier(split, hidden, batch_size=batch_size)
