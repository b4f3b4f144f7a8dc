r"""Bring the update speeds of a network's layers together: a trust ratio behind Adam, no rate.

The weights of these four layers differ up to 64 times in scale. A rectifier passes positive
factors on and those of the layers multiply to 1, so that the network begins as the function that
it would be without them. Adam moves every weight by about the rate, however large the weight is:
small ones have turned over while large ones have hardly moved. The trust ratio of LARS and LAMB
gives the direction :math:`u_l` of each layer the length of its parameters :math:`x_l`, biases
included, and so the rate becomes the speed of all layers:

.. math::
   \Delta x_l = -\eta\,\frac{\|x_l\|}{\|u_l\|}\,u_l, \qquad
   \frac{\|\Delta x_l\|}{\|x_l\|} = \eta .

`oa.aware` finds the rate of either. Run it: ``python experiments/examples/trust_ratio.py``

References:
  Y. You, I. Gitman and B. Ginsburg, "Large batch training of convolutional networks", 2017,
  arXiv:1708.03888 (LARS). Y. You et al., "Large batch optimization for deep learning: training
  BERT in 76 minutes", 2020, arXiv:1904.00962 (LAMB: the trust ratio behind Adam).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import sklearn.datasets

import optax_aware as oa

GAINS = (8.0, 1 / 8, 4.0, 1 / 4)  # of the layers from input to output; their product is 1
WIDTHS = (64, 64, 64, 64, 10)
INNERS = {
    "adam": optax.scale_by_adam(),
    "adam, trust ratio": optax.chain(optax.scale_by_adam(), optax.scale_by_trust_ratio()),
}


class Outcome(NamedTuple):
    """What a run came to."""

    speeds: dict[str, float]  # of each layer: the mean of |update| / |weights| over the steps
    learning_rate: float  # the median over the steps
    accuracy: float  # on the digits held out

    @property
    def spread(self) -> float:
        """How many times as fast as the slowest layer the fastest is."""
        return max(self.speeds.values()) / min(self.speeds.values())


def initial_params(key: jax.Array) -> dict[str, jax.Array]:
    """Return a matrix for each layer, with a row of biases, which are 0, at the bottom."""
    params = {}
    for number, (layer_key, gain) in enumerate(zip(jax.random.split(key, 4), GAINS, strict=True)):
        rows, columns = WIDTHS[number : number + 2]
        weights = gain * np.sqrt(2 / rows) * jax.random.normal(layer_key, (rows, columns))
        params[f"layer_{number}"] = jnp.pad(weights, ((0, 1), (0, 0)))
    return params


def predict(params: Any, images: jax.Array) -> jax.Array:
    """Return the logits of a multilayer perceptron with rectifiers."""
    *hidden, last = (params[name] for name in sorted(params))
    for layer in hidden:
        images = jax.nn.relu(images @ layer[:-1] + layer[-1])
    return images @ last[:-1] + last[-1]


def loss_fn(params: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean cross-entropy."""
    logits = predict(params, images)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def main(num_steps: int = 1500, batch_size: int = 64, seed: int = 0) -> dict[str, Outcome]:
    """Train with and without the trust ratio, print the speeds and return them."""
    digits, classes = sklearn.datasets.load_digits(return_X_y=True)
    images, labels = jnp.asarray(digits / 16, jnp.float32), jnp.asarray(classes, jnp.int32)
    num_train = 1400  # the 397 digits behind them are held out
    params_key, batches_key = jax.random.split(jax.random.key(seed))

    def train(tx):
        def train_step(carry, batch):
            params, opt_state = carry
            value, grads = jax.value_and_grad(loss_fn)(params, images[batch], labels[batch])
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            norm = jnp.linalg.norm
            speeds = jax.tree.map(lambda dx, x: norm(dx) / norm(x), updates, params)
            params = optax.apply_updates(params, updates)
            return (params, opt_state), (speeds, oa.learning_rate(opt_state))

        params = initial_params(params_key)
        batches = jax.random.randint(batches_key, (num_steps, batch_size), 0, num_train)
        (params, _), seen = jax.lax.scan(train_step, (params, tx.init(params)), batches)
        right = predict(params, images[num_train:]).argmax(-1) == labels[num_train:]
        return *seen, right.mean()

    outcomes = {}
    for name, inner in INNERS.items():
        tx = oa.aware(inner, total_steps=num_steps)
        speeds, rates, accuracy = jax.device_get(jax.jit(train, static_argnums=0)(tx))
        outcomes[name] = outcome = Outcome(
            {layer: float(speed.mean()) for layer, speed in speeds.items()},
            float(np.median(rates)),
            float(accuracy),
        )
        print(f"{name}: rate {outcome.learning_rate:.2g}, held out {outcome.accuracy:.1%} right")
        for (layer, speed), gain in zip(outcome.speeds.items(), GAINS, strict=True):
            print(f"  {layer}, weights x {gain:<5g}: {speed:.2e} of their norm a step")
        print(f"  fastest / slowest: {outcome.spread:.3g}")
    return outcomes


if __name__ == "__main__":
    main()
