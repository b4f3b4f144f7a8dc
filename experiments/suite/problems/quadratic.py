"""Quadratics whose held-out loss is known in closed form."""

import jax.numpy as jnp
import numpy as np

from experiments.suite.noise import standard_noise
from experiments.suite.problem import Problem

HORIZONTAL_LIMIT = 0.01


def quadratic(
    *,
    dimensions: int,
    condition_number: float,
    gradient_noise: float = 0.0,
    degrees_of_freedom: float | None = None,
    value_noise: float = 0.0,
    offset: float = 0.0,
) -> Problem:
    r"""The quadratic with curvatures spread evenly in their logarithm from 1 down.

    .. math:: L(x) = \tfrac12 \sum_i h_i (y_i - m_i)^2 + \sigma \sum_i \sqrt{h_i}\, z_i y_i + b,
       \quad y = R^T x

    with a rotation R, so that no optimizer that treats each parameter by itself finds the axes
    ready for it, and new noise z at every step, which has the shape of the curvature, as that
    of a linear regression has. Held out is the first term and b.

    Args:
      dimensions: how many parameters.
      condition_number: the largest curvature over the smallest.
      gradient_noise: sigma.
      degrees_of_freedom: of Student's t for z, in which it has heavy tails; None for a normal.
      value_noise: the standard deviation of noise in the loss alone, which no gradient shows.
      offset: b, which no gradient shows either.
    """
    curvatures = np.logspace(0, -np.log10(condition_number), dimensions)
    generator = np.random.default_rng(20)
    rotation, _ = np.linalg.qr(generator.standard_normal((dimensions, dimensions)))
    arrays = {
        "curvatures": jnp.asarray(curvatures, jnp.float32),
        "rotation": jnp.asarray(rotation, jnp.float32),
        "altered_minimum": jnp.asarray(generator.standard_normal(dimensions), jnp.float32),
    }

    def init(generator):
        spread = np.sqrt(np.maximum(curvatures, HORIZONTAL_LIMIT))
        along_axes = generator.standard_normal(dimensions) / spread
        return {"position": (rotation @ along_axes).astype(np.float32)}

    def draw(generator, steps):
        noise = standard_noise(generator, (steps, dimensions), degrees_of_freedom)
        push = gradient_noise * (np.sqrt(curvatures) * noise) @ rotation.T
        shift = value_noise * generator.standard_normal(steps)
        return push.astype(np.float32), shift.astype(np.float32)

    def batch(arrays, drawn, altered):
        return arrays, altered, *drawn

    def exact(params, arrays, altered):
        along_axes = params["position"] @ arrays["rotation"]
        distance = along_axes - jnp.where(altered, arrays["altered_minimum"], 0.0)
        return 0.5 * jnp.sum(arrays["curvatures"] * distance**2) + offset

    def loss(params, batch):
        arrays, altered, push, shift = batch
        return exact(params, arrays, altered) + jnp.sum(push * params["position"]) + shift

    return Problem(arrays, init, draw, batch, loss, exact)
