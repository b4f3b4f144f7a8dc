"""Linear models whose losses are not quadratic: counts, and the posterior of a regression."""

import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.noise import choices
from experiments.suite.problem import Problem

HELD_OUT_EXAMPLES = 1000
COUNT_INPUTS, COUNT_CORRELATION = 30, 0.9
START_LOG_DEVIATION = -2.0


def counts(*, examples: int, batch_size: int) -> Problem:
    r"""Poisson regression with a logarithmic link, half the mean deviance.

    .. math:: \frac1n \sum_i \left( y_i \log \frac{y_i}{\mu_i} - (y_i - \mu_i) \right),
       \quad \log \mu_i = w \cdot x_i + b

    It is about 1/2 at its least and grows exponentially to one side. Altered counts belong to
    other inputs: their order is turned round.
    """
    generator = np.random.default_rng(36)
    weights = generator.standard_normal(COUNT_INPUTS)
    weights *= 0.7 / np.linalg.norm(weights)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        inputs = generator.standard_normal((count, COUNT_INPUTS))
        inputs = inputs @ _correlation(COUNT_INPUTS, COUNT_CORRELATION)
        return inputs, generator.poisson(np.exp(1.5 + inputs @ weights))

    arrays = {
        name: tuple(jnp.asarray(one, jnp.float32) for one in drawn(count))
        for name, count in (("train", examples), ("held_out", HELD_OUT_EXAMPLES))
    }

    def draw(generator, steps):
        return choices(generator, steps, batch_size, examples)

    def seen(pair, altered):
        inputs, found = pair
        return inputs, jnp.where(altered, found[::-1], found)

    def batch(arrays, chosen, altered):
        inputs, found = seen(arrays["train"], altered)
        return inputs[chosen], found[chosen]

    def loss(params, batch):
        inputs, found = batch
        log_mean = networks.dense_apply(params, inputs)[:, 0]
        log_found = jnp.log(jnp.maximum(found, 1.0))
        return jnp.mean(found * (log_found - log_mean) - found + jnp.exp(log_mean))

    def held_out(params, arrays, altered):
        return loss(params, seen(arrays["held_out"], altered))

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, (COUNT_INPUTS, 1), gain=0.1),
        draw,
        batch,
        loss,
        held_out,
    )


def posterior(*, inputs: int, examples: int, noise: float, batch_size: int) -> Problem:
    r"""A normal posterior with independent weights of a linear regression, fitted by sampling.

    .. math:: \frac1n \left( \mathrm{E}_q \left[ -\log p(y | w) \right] + \mathrm{KL}(q, p)
       \right), \quad w = m + e^r z

    without the constant of the density of y; the prior is standard normal. A step has one
    sample z and some of the examples. Held out is the exact expectation over all examples, and
    its floor is `least_posterior`. Altered answers are negated.

    Args:
      inputs: weights of the regression.
      examples: n.
      noise: the standard deviation of y, which is known.
      batch_size: examples a step.
    """
    features, answers = _regression(inputs, examples, noise)
    arrays = {
        "features": jnp.asarray(features, jnp.float32),
        "answers": jnp.asarray(answers, jnp.float32),
    }

    def init(generator):
        return {
            "mean": np.zeros(inputs, np.float32),
            "log_deviation": np.full(inputs, START_LOG_DEVIATION, np.float32),
        }

    def draw(generator, steps):
        chosen = choices(generator, steps, batch_size, examples)
        return chosen, networks.normal(generator, (steps, inputs))

    def seen(answers, altered):
        return jnp.where(altered, -answers, answers)

    def batch(arrays, drawn, altered):
        chosen, sample = drawn
        return arrays["features"][chosen], seen(arrays["answers"][chosen], altered), sample

    def divergence(params):
        squares = jnp.square(params["mean"]) + jnp.exp(2.0 * params["log_deviation"])
        return jnp.sum(0.5 * (squares - 1.0) - params["log_deviation"]) / examples

    def loss(params, batch):
        features, answers, sample = batch
        weights = params["mean"] + jnp.exp(params["log_deviation"]) * sample
        squared = jnp.mean(jnp.square(answers - features @ weights))
        return squared / (2.0 * noise**2) + np.log(noise) + divergence(params)

    def held_out(params, arrays, altered):
        features = arrays["features"]
        errors = seen(arrays["answers"], altered) - features @ params["mean"]
        variances = jnp.square(features) @ jnp.exp(2.0 * params["log_deviation"])
        squared = jnp.mean(jnp.square(errors) + variances)
        return squared / (2.0 * noise**2) + np.log(noise) + divergence(params)

    return Problem(arrays, init, draw, batch, loss, held_out)


def least_posterior(*, inputs: int, examples: int, noise: float) -> float:
    """Minus the log evidence of an example: what no posterior gets below, by Jensen's inequality.

    Only the exact posterior has it, and its weights are not independent.
    """
    features, answers = _regression(inputs, examples, noise)
    covariance = features @ features.T + noise**2 * np.eye(examples)
    _, log_determinant = np.linalg.slogdet(covariance)
    explained = answers @ np.linalg.solve(covariance, answers)
    return float(0.5 * (log_determinant + explained) / examples)


def _regression(inputs: int, examples: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(37)
    features = generator.standard_normal((examples, inputs)) @ _correlation(inputs, 0.7)
    weights = generator.standard_normal(inputs)
    return features, features @ weights + noise * generator.standard_normal(examples)


def _correlation(inputs: int, neighbours: float) -> np.ndarray:
    """Makes independent columns depend on one another, less the further apart they are."""
    distances = np.abs(np.subtract.outer(np.arange(inputs), np.arange(inputs)))
    return np.linalg.cholesky(neighbours**distances).T
