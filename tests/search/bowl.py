"""A noisy quadratic bowl, in JAX and in NumPy."""

import jax.numpy as jnp
import numpy as np

CURVATURES = np.array([1.0, 0.1])
START = np.array([3.0, -2.0])


def loss_fn(params, batch):
    return jnp.sum(jnp.asarray(CURVATURES, jnp.float32) * (params - batch) ** 2) / 2


def numpy_loss(params, batch):
    with np.errstate(over="ignore"):
        return float(np.sum(CURVATURES * (params - batch) ** 2) / 2)


def numpy_gradient(params, batch):
    return CURVATURES * (params - batch)


def batches(count=200, noise=0.3, seed=0):
    return np.random.default_rng(seed).normal(0.0, noise, (count, 2)).astype(np.float32)


def start():
    return jnp.asarray(START, jnp.float32)
