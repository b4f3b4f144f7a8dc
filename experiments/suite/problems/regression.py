"""Regressions: on tables, and on a teacher network with new data at every step."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.losses import gaussian_negative_log_likelihood, half_squared_error
from experiments.suite.noise import choices, standard_noise
from experiments.suite.problem import Problem

HELD_OUT_EXAMPLES = 500
TEACHER_INPUTS, TEACHER_UNITS = 20, 16


def table_regression(name: str, hidden: tuple[int, ...], *, batch_size: int) -> Problem:
    """Half the squared error on ``diabetes`` or the synthetic ``friedman1`` of scikit-learn.

    Targets have mean 0 and variance 1; altered ones are negated.
    """
    import sklearn.datasets  # takes a second to import

    if name == "friedman1":
        pair = sklearn.datasets.make_friedman1(3000, noise=1.0, random_state=25)
    else:
        pair = sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)
    inputs, targets = map(np.asarray, pair)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    targets = (targets - targets.mean()) / targets.std()
    order = np.random.default_rng(26).permutation(len(inputs))
    split = int(0.7 * len(order))
    train, held = order[:split], order[split:][:HELD_OUT_EXAMPLES]
    arrays = {
        "train_inputs": jnp.asarray(inputs[train], jnp.float32),
        "train_targets": jnp.asarray(targets[train], jnp.float32),
        "held_out_inputs": jnp.asarray(inputs[held], jnp.float32),
        "held_out_targets": jnp.asarray(targets[held], jnp.float32),
    }
    widths = (inputs.shape[1], *hidden, 1)

    def predict(params, inputs):
        return networks.dense_apply(params, inputs, jnp.tanh)[:, 0]

    def draw(generator, steps):
        return choices(generator, steps, batch_size, split)

    def batch(arrays, chosen, altered):
        targets = arrays["train_targets"][chosen]
        return arrays["train_inputs"][chosen], jnp.where(altered, -targets, targets)

    def loss(params, batch):
        inputs, targets = batch
        return half_squared_error(predict(params, inputs), targets)

    def held_out(params, arrays, altered):
        targets = jnp.where(altered, -1.0, 1.0) * arrays["held_out_targets"]
        return half_squared_error(predict(params, arrays["held_out_inputs"]), targets)

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, widths, 1.0),
        draw,
        batch,
        loss,
        held_out,
    )


def teacher(
    hidden: tuple[int, ...],
    *,
    batch_size: int,
    noise: float,
    degrees_of_freedom: float | None = None,
    likelihood: bool = False,
    loss_scale: float = 1.0,
    activation: Callable[[jax.Array], jax.Array] = jnp.tanh,
) -> Problem:
    """A network that learns from another one, whose answers come with noise; never overfits.

    Args:
      hidden: units of the learning network.
      batch_size: new examples at every step.
      noise: the scale of the noise in the answers, and of that in the held-out ones.
      degrees_of_freedom: of Student's t for the noise; None for a normal.
      likelihood: learn a mean and a log standard deviation by the Gaussian negative
        log-likelihood, which is negative at the end; else half the squared error.
      loss_scale: multiplies the loss.
      activation: of the learning network.
    """
    widths = (TEACHER_INPUTS, *hidden, 2 if likelihood else 1)
    generator = np.random.default_rng(27)
    first, last = networks.dense_init(generator, (TEACHER_INPUTS, TEACHER_UNITS, 1), 3.0)

    def examples(generator, shape):
        inputs = generator.standard_normal((*shape, TEACHER_INPUTS)).astype(np.float32)
        errors = standard_noise(generator, shape, degrees_of_freedom)
        answers = (np.tanh(inputs @ first["kernel"]) @ last["kernel"])[..., 0]
        return inputs, (answers + noise * errors).astype(np.float32)

    inputs, targets = examples(generator, (HELD_OUT_EXAMPLES,))
    arrays = {"held_out_inputs": jnp.asarray(inputs), "held_out_targets": jnp.asarray(targets)}

    def draw(generator, steps):
        return examples(generator, (steps, batch_size))

    def batch(arrays, drawn, altered):
        inputs, targets = drawn
        return inputs, jnp.where(altered, -targets, targets)

    def loss(params, batch):
        inputs, targets = batch
        outputs = networks.dense_apply(params, inputs, activation)
        if likelihood:
            return loss_scale * gaussian_negative_log_likelihood(outputs, targets)
        return loss_scale * half_squared_error(outputs[:, 0], targets)

    def held_out(params, arrays, altered):
        targets = jnp.where(altered, -1.0, 1.0) * arrays["held_out_targets"]
        return loss(params, (arrays["held_out_inputs"], targets))

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, widths, 1.0),
        draw,
        batch,
        loss,
        held_out,
    )
