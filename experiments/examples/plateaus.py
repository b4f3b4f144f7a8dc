r"""Leave a plateau by gradient descent, momentum, Adagrad and Adam, none of them given a rate.

A deep network of sigmoids with small initial weights says the same of every image: each layer
shrinks the gradient, and the loss stays near log 10 until the layers near the input have learnt
something. How long, depends on the direction and on its rate. With gradients :math:`g_t`,

.. math::
   \Delta x_t = -\eta_t\,u_t, \quad
   u_t = g_t, \quad
   u_t = g_t + 0.9\,u_{t-1}, \quad
   u_t = \frac{g_t}{\sqrt{\sum_{s \le t} g_s^2}}, \quad
   u_t = \frac{\hat m_t}{\sqrt{\hat v_t}}

`oa.aware` looks for the rate on the plateau itself. To compare with, the same directions at a
grid of fixed rates. See experiments/README.md. Run it: ``python experiments/examples/plateaus.py``

References:
  X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
  networks", 2010, AISTATS (the plateau of deep sigmoids). J. Duchi, E. Hazan and Y. Singer,
  "Adaptive subgradient methods for online learning and stochastic optimization", 2011, JMLR 12
  (Adagrad). D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015,
  arXiv:1412.6980.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import sklearn.datasets

import optax_aware as oa

DIRECTIONS = {
    "gradient descent": optax.identity(),
    "momentum": optax.trace(0.9),
    "Adagrad": optax.scale_by_rss(),
    "Adam": optax.scale_by_adam(),
}
DEPTH, WIDTH, CLASSES = 4, 64, 10
LEFT_BELOW = 0.9 * float(np.log(CLASSES))  # of the loss; the plateau lies at log 10


class Runs(NamedTuple):
    """What the runs of a direction came to, one entry a run."""

    steps_to_leave: np.ndarray  # until the loss is below LEFT_BELOW; infinite where it never is
    rate: np.ndarray  # at that step
    last_loss: np.ndarray

    def __str__(self) -> str:
        left = np.isfinite(self.steps_to_leave)
        text = f"{left.sum()} of {len(left)} left"
        if left.any():
            steps, rates, losses = (
                f"{runs[left].min():.3g} - {runs[left].max():.3g}" for runs in self
            )
            text += f" after {steps} steps, at rates of {rates}; their last losses {losses}"
        return text


def loss_fn(weights: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of a network whose layers are stacked in one array."""
    *hidden, last = weights
    for layer in hidden:
        images = jax.nn.sigmoid(images @ layer[:-1] + layer[-1])
    logits = images @ last[:-1, :CLASSES] + last[-1, :CLASSES]
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def initial_weights(key: jax.Array) -> jax.Array:
    """Return weights of variance 1 / width, and biases of 0 in the last row of each layer."""
    weights = jax.random.normal(key, (DEPTH, WIDTH, WIDTH)) / np.sqrt(WIDTH)
    return jnp.pad(weights, ((0, 0), (0, 1), (0, 0)))


def summarize(curves: Sequence[tuple[jax.Array, jax.Array]]) -> Runs:
    """Find where each run left the plateau, from its losses and rates."""
    losses, rates = (np.stack(rows) for rows in zip(*curves, strict=True))
    below = losses < LEFT_BELOW
    first = below.argmax(axis=1)
    steps = np.where(below.any(axis=1), first, np.inf)
    return Runs(steps, rates[np.arange(len(rates)), first], losses[:, -1])


def main(
    num_steps: int = 600,
    num_examples: int = 600,
    num_seeds: int = 5,
    fixed_rates: Sequence[float] = tuple(10.0 ** np.arange(-3, 1.1, 0.5)),
) -> dict[str, tuple[Runs, Runs]]:
    """Train without a rate, then at each of the fixed ones; print and return what came out."""
    digits, classes = sklearn.datasets.load_digits(return_X_y=True)
    images = jnp.asarray(digits[:num_examples] / 16, jnp.float32)
    labels = jnp.asarray(classes[:num_examples], jnp.int32)
    keys = jax.random.split(jax.random.key(0), num_seeds)

    def train(tx, rate_of, key):
        def train_step(carry, _):
            weights, opt_state = carry
            value, grads = jax.value_and_grad(loss_fn)(weights, images, labels)
            updates, opt_state = tx.update(grads, opt_state, weights, value=value)
            weights = optax.apply_updates(weights, updates)
            return (weights, opt_state), (value, rate_of(opt_state))

        weights = initial_weights(key)
        return jax.lax.scan(train_step, (weights, tx.init(weights)), length=num_steps)[1]

    outcomes = {}
    for name, direction in DIRECTIONS.items():

        @jax.jit
        def train_without_rate(key, direction=direction):
            return train(oa.aware(direction, total_steps=num_steps), oa.learning_rate, key)

        @jax.jit
        def train_at(rate, direction=direction):
            tx = optax.chain(direction, optax.scale_by_learning_rate(rate))
            return train(optax.with_extra_args_support(tx), lambda _: rate, keys[0])

        found = summarize([train_without_rate(key) for key in keys])
        fixed = summarize([train_at(rate) for rate in fixed_rates])
        outcomes[name] = found, fixed
        print(f"{name}\n  no rate given: {found}\n  fixed rates:   {fixed}")
    return outcomes


if __name__ == "__main__":
    main()
