"""Synthetic streams with known answers, and statistics over many of them in one program."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

LARGEST = float(np.finfo(np.float32).max)
EPSILON = float(np.finfo(np.float32).eps)
RUNS, STEPS = 10_000, 1000
LENGTH = 240


@functools.cache
def gaussian():
    """White noise of variance 1, float32 of shape (steps, runs)."""
    return np.random.default_rng(0).standard_normal((STEPS, RUNS), dtype=np.float32)


@functools.cache
def student():
    """Student's t with 3 degrees of freedom, of variance 1."""
    values = np.random.default_rng(1).standard_t(3, size=(STEPS, RUNS))
    return np.float32(values / np.sqrt(3))


def autoregressive(correlation):
    """Gaussian noise of variance 1 with autocorrelation ``correlation ** lag``."""
    values = gaussian() * np.float32(np.sqrt(1 - correlation**2))
    values[0] = gaussian()[0]
    for step in range(1, STEPS):
        values[step] += np.float32(correlation) * values[step - 1]
    return values


def over_runs(update, init, values):
    """Scan ``update`` over the first axis of ``values``, vmapped over the second."""
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, values.shape[1:]), init())
    return jax.lax.scan(jax.vmap(update), start, values)[1]


def curves():
    """Single streams of LENGTH values, hard ones included, by name."""
    random = np.random.default_rng(2)
    normal = random.normal(size=LENGTH)
    steps = np.arange(LENGTH)
    yield "normal", normal
    yield "walk", np.cumsum(normal)
    yield "alternating", (-1.0) ** steps + 0.1 * normal
    yield "offset", 1e5 + normal
    yield "far_start", np.where(steps == 0, 1e6, 1.0 + 0.1 * normal)
    yield "tiny", 1e-30 * normal
    yield "huge", 0.9 * LARGEST * np.sign(normal)
    yield "large", 1e38 * np.clip(normal, -3, 3)
    yield "drift", np.exp(-steps / 20) + 1e-4 * normal
    yield "constant", np.full(LENGTH, 0.1)
    yield "zero", np.zeros(LENGTH)
    yield "step", np.where(steps < 100, 0.0, 1.0)
    yield "spike", np.where(steps == 100, 1e30, normal)
    yield "spoiled", np.where(random.uniform(size=LENGTH) < 0.3, np.nan, normal)
    yield "infinite", np.where(random.uniform(size=LENGTH) < 0.3, -np.inf, normal)


CURVES = {name: np.float32(values) for name, values in curves()}


def at_finite(estimates, values):
    """The estimates at the finite values, as float64 columns."""
    columns = [np.asarray(leaf, np.float64) for leaf in estimates]
    return np.stack(columns, axis=1)[np.isfinite(values)]


def holds_still(states, estimates, values):
    """Whether no non-finite value after the first value changed a state or an estimate."""
    changed = np.zeros(len(values) - 1, bool)
    for leaf in [*states, *estimates]:
        leaf = np.asarray(leaf)
        changed |= leaf[1:] != leaf[:-1]
    return not changed[~np.isfinite(values[1:])].any()


@functools.partial(jax.jit, static_argnums=0)
def states_and_estimates(make, options, values):
    """Every state and estimate of one stream; ``options`` are traced."""
    statistic = make(**options)

    def step(state, value):
        state, estimate = statistic.update(state, value)
        return state, (state, estimate)

    return jax.lax.scan(step, statistic.init(), values)[1]
