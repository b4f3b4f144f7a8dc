"""The losses of the tasks, means over a batch."""

import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The mean negative log-probability of the labels, in nats."""
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_probabilities, labels[..., None], axis=-1))


def half_squared_error(predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """Half of the mean squared difference."""
    return 0.5 * jnp.mean(jnp.square(predictions - targets))


def gaussian_negative_log_likelihood(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Of targets under a mean and a log standard deviation, without its constant; may be < 0.

    With the right mean it is ``log s + 1/2`` for a true standard deviation s.
    """
    mean, log_deviation = outputs[..., 0], outputs[..., 1]
    squared = jnp.square(targets - mean) * jnp.exp(-2.0 * log_deviation)
    return jnp.mean(log_deviation + 0.5 * squared)
