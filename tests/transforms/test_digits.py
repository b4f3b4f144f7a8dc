"""`aware` without a learning rate on a small network and real images."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa

STEPS, BATCH, HIDDEN, TRAINED = 300, 64, 24, 1400
RATES = np.geomspace(1e-2, 1.0, 5)


def images():
    datasets = pytest.importorskip("sklearn.datasets")
    inputs, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return np.float32(inputs[order] / 16.0), labels[order].astype(np.int32)


def loss_fn(params, inputs, labels):
    hidden = jax.nn.relu(inputs @ params["w1"] + params["b1"])
    logits = hidden @ params["w2"] + params["b2"]
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def first_params(seed):
    first, second = jax.random.split(jax.random.key(seed))
    return {
        "w1": jax.random.normal(first, (64, HIDDEN)) / 8.0,
        "b1": jnp.zeros(HIDDEN),
        "w2": jax.random.normal(second, (HIDDEN, 10)) / 5.0,
        "b2": jnp.zeros(10),
    }


def final_loss(tx, seed=0):
    """The loss on images that were not trained on."""
    inputs, labels = map(jnp.asarray, images())
    chosen = np.random.default_rng(seed).integers(0, TRAINED, (STEPS, BATCH))

    def step(carry, rows):
        params, opt_state = carry
        value, grads = jax.value_and_grad(loss_fn)(params, inputs[rows], labels[rows])
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return (optax.apply_updates(params, updates), opt_state), None

    params = first_params(seed)
    (params, _), _ = jax.lax.scan(step, (params, tx.init(params)), jnp.asarray(chosen))
    return loss_fn(params, inputs[TRAINED:], labels[TRAINED:])


def test_is_nearly_as_good_as_the_best_of_a_grid():
    """Within 1.5 times the loss of the best rate with the same cooldown."""
    direction = optax.trace(0.9)

    def tuned(rate):
        cooled = optax.schedules.linear_schedule(rate, 0.0, int(0.3 * STEPS), int(0.7 * STEPS))
        tx = optax.chain(direction, optax.scale_by_learning_rate(cooled))
        return final_loss(optax.with_extra_args_support(tx))

    best = np.nanmin(jax.jit(jax.vmap(tuned))(jnp.asarray(RATES, jnp.float32)))
    ours = jax.jit(lambda: final_loss(oa.aware(direction, total_steps=STEPS)))()
    assert ours < 1.5 * best
