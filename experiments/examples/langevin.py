r"""Sample a posterior by stochastic gradient Langevin dynamics, with a step that decays.

Half a step down the gradient of minus the log posterior, its likelihood estimated from a
minibatch of n of the N examples, and Gaussian noise with the variance of the step:

.. math::
   \theta_{t+1} = \theta_t - \frac{\epsilon_t}{2}\,\nabla\hat U(\theta_t) + N(0, \epsilon_t I),
   \qquad \epsilon_t = a\,(1 + t)^{-\gamma}

The rate is `oa.schedules.inverse_power`, the noise `optax.add_noise` behind it, so that the rate
does not multiply the noise. At update t, counted from 0, the schedule is asked for t; add_noise
counts from 1 and takes the variance a / count^γ. With a / 2 for the schedule the two agree at
every step, the first included.

The model is a linear regression whose posterior is known. Samples are weighted by their steps, as
in the paper. Steps that are not small yet widen the samples, to about 1 + ελ/4·(1 + N/n) times
the variance in a direction of precision λ. Chains that run at once tell how accurate averages are.

Run it: ``python experiments/examples/langevin.py``

References:
  M. Welling and Y. W. Teh, "Bayesian learning via stochastic gradient Langevin dynamics", 2011,
  ICML, pages 681-688.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa

NUM_EXAMPLES, BATCH_SIZE = 500, 100
NOISE_VARIANCE, PRIOR_VARIANCE = 1.0, 10.0
COEFFICIENTS = (1.0, -2.0, 0.5)
MIXING = ((1.0, 0.6, 0.0), (0.0, 0.8, 0.0), (0.0, 0.0, 1.0))  # correlates two of the features


class Outcome(NamedTuple):
    """The posterior and the samples; the axes are the eigenvectors of the exact covariance."""

    exact_mean: np.ndarray
    mean: np.ndarray
    mean_standard_error: np.ndarray
    exact_covariance: np.ndarray
    covariance: np.ndarray
    variance_ratio: np.ndarray  # of samples to posterior, along each axis
    variance_ratio_standard_error: np.ndarray
    expected_variance_ratio: np.ndarray  # 1, and what steps that are not small yet add


def langevin(step_size: float, power: float, key: jax.Array) -> optax.GradientTransformation:
    """Return the sampler, for gradients of minus the log posterior."""
    return optax.chain(
        optax.scale_by_learning_rate(oa.schedules.inverse_power(step_size / 2, power)),
        optax.add_noise(step_size, power, key),
    )


def energy(theta: jax.Array, features: jax.Array, targets: jax.Array) -> jax.Array:
    """Estimate minus the log posterior, but for a constant, from a minibatch."""
    misfit = jnp.mean((features @ theta - targets) ** 2) / (2 * NOISE_VARIANCE)
    return NUM_EXAMPLES * misfit + jnp.sum(theta**2) / (2 * PRIOR_VARIANCE)


def main(
    num_steps: int = 20_000, num_chains: int = 128, power: float = 0.55, seed: int = 0
) -> Outcome:
    """Sample, print how the samples compare with the exact posterior, and return it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(NUM_EXAMPLES, 3)) @ np.array(MIXING)
    y = x @ np.array(COEFFICIENTS) + rng.normal(scale=NOISE_VARIANCE**0.5, size=NUM_EXAMPLES)
    precision = x.T @ x / NOISE_VARIANCE + np.eye(3) / PRIOR_VARIANCE
    exact_covariance = np.linalg.inv(precision)
    exact_mean = exact_covariance @ x.T @ y / NOISE_VARIANCE
    step_size = float(1 / np.linalg.eigvalsh(precision)[-1])  # a; from four times that it diverges
    features, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)

    def run_chain(key):
        noise_key, batches_key = jax.random.split(key)
        tx = langevin(step_size, power, noise_key)

        def sample_step(carry, batch_key):
            theta, opt_state = carry
            batch = jax.random.randint(batch_key, (BATCH_SIZE,), 0, NUM_EXAMPLES)
            grads = jax.grad(energy)(theta, features[batch], targets[batch])
            updates, opt_state = tx.update(grads, opt_state, theta)
            theta = optax.apply_updates(theta, updates)
            return (theta, opt_state), theta

        theta, batch_keys = jnp.zeros(3), jax.random.split(batches_key, num_steps)
        return jax.lax.scan(sample_step, (theta, tx.init(theta)), batch_keys)[1]

    def standard_error(of_chains):
        return of_chains.std(axis=0, ddof=1) / np.sqrt(num_chains)

    chain_keys = jax.random.split(jax.random.key(seed), num_chains)
    samples = np.asarray(jax.jit(jax.vmap(run_chain))(chain_keys), np.float64)
    kept = np.arange(num_steps // 4, num_steps)  # what comes before still remembers the start
    steps = 2 * np.asarray(oa.schedules.inverse_power(step_size / 2, power)(kept))
    samples, weights = samples[:, kept], steps / steps.sum()
    chain_means = np.einsum("t,ctd->cd", weights, samples)
    mean = chain_means.mean(axis=0)
    covariances = np.einsum("t,ctd,cte->cde", weights, samples - mean, samples - mean)
    variances, axes = np.linalg.eigh(exact_covariance)
    ratios = np.einsum("cde,da,ea->ca", covariances, axes, axes) / variances
    outcome = Outcome(
        exact_mean=exact_mean,
        mean=mean,
        mean_standard_error=standard_error(chain_means),
        exact_covariance=exact_covariance,
        covariance=covariances.mean(axis=0),
        variance_ratio=ratios.mean(axis=0),
        variance_ratio_standard_error=standard_error(ratios),
        expected_variance_ratio=1
        + (weights @ steps) / variances / 4 * (1 + NUM_EXAMPLES / BATCH_SIZE),
    )
    for name, value in outcome._asdict().items():
        print(name.replace("_", " "), np.array2string(value, precision=5), sep="\n")
    return outcome


if __name__ == "__main__":
    main()
