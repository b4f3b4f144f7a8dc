"""Narrow curved valleys."""

import jax.numpy as jnp

from experiments.suite import networks
from experiments.suite.problem import Problem


def valley(*, chains: int, length: int, steepness: float, gradient_noise: float) -> Problem:
    r"""Rosenbrock's function as a chain, several times, with noise that pushes at every step.

    .. math:: \tfrac12 \sum_i \left( k\, (x_{i+1} - x_i^2)^2 + (1 - x_i)^2 \right)
       + \sigma z \cdot x

    summed over the chains. Held out is the first term, which is 0 where all are 1; altered:
    where all are -1.

    Reference: Rosenbrock, An Automatic Method for Finding the Greatest or Least Value of a
    Function, 1960, doi:10.1093/comjnl/3.3.175.

    Args:
      chains: how many there are, alike but for their start; the loss at the end hangs less on
        chance with more of them.
      length: parameters of each.
      steepness: k, the curvature across the floor of the valley, along which it is 1.
      gradient_noise: sigma.
    """
    shape = (chains, length)

    def exact(position):
        before, after = position[:, :-1], position[:, 1:]
        walls = jnp.square(after - jnp.square(before))
        return 0.5 * jnp.sum(steepness * walls + jnp.square(1.0 - before))

    def mirrored(position, altered):
        return jnp.where(altered, -position, position)

    def loss(params, batch):
        push, altered = batch
        position = params["position"]
        return exact(mirrored(position, altered)) + jnp.sum(push * position)

    return Problem(
        {},
        lambda generator: {"position": networks.normal(generator, shape, 0.3)},
        lambda generator, steps: networks.normal(generator, (steps, *shape), gradient_noise),
        lambda arrays, push, altered: (push, altered),
        loss,
        lambda params, arrays, altered: exact(mirrored(params["position"], altered)),
    )
