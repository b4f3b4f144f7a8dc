import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted

CONSTANT = oa.policies.constant()


def _of_real_shape(update):
    assert update.shape == (2, 40), update.shape
    return update


COMPLETE = {
    "sgd": optax.sgd(0.1),
    "adam": optax.adam(0.1),
    "adamw": optax.adamw(0.1, weight_decay=0.5),
    "warmup from zero": optax.adam(optax.linear_schedule(0.0, 0.1, 5)),
    "clip, adam": optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)),
    "adam, clip": optax.chain(optax.adam(0.1), optax.clip(0.05)),
    "adam, decay": optax.chain(optax.adam(0.1), optax.add_decayed_weights(-0.01)),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "lion": optax.lion(0.05),
    "muon": optax.contrib.muon(0.05),
    "finite": optax.apply_if_finite(optax.sgd(0.1), 3),
    "apply every": optax.chain(optax.sgd(0.1), optax.apply_every(5)),
    "accumulated": optax.MultiSteps(optax.sgd(0.2), 6).gradient_transformation(),
    "silent for long": optax.sgd(
        oa.schedules.warmup(oa.schedules.constant(0.2), 10, shape="constant")
    ),
    "real shapes": optax.chain(
        optax.sgd(0.1),
        optax.stateless(lambda updates, _: {"w": updates["w"] * jnp.ones((2, 40))}),
    ),
    "refuses small shapes": optax.chain(
        optax.sgd(0.1), optax.stateless(lambda updates, _: {"w": _of_real_shape(updates["w"])})
    ),
}


def test_complete_optimizers_never_climb_with_traced_rates_or_complex_parameters():
    def first_update(learning_rate, params):
        tx = oa.aware(optax.sgd(learning_rate), CONSTANT, learning_rate=1.0, average=False)
        return tx.update(params, tx.init(params), params, value=1.0)[0]

    params = jnp.asarray([2.0, -1.0])
    over_rates = jax.vmap(first_update, (0, None))
    for sweep in (over_rates, jax.jit(over_rates)):
        np.testing.assert_allclose(
            sweep(jnp.asarray([0.1, 0.2]), params), [-0.1 * params, -0.2 * params]
        )
    turned = jnp.asarray([2.0 + 1.0j, -1.0j])
    np.testing.assert_allclose(first_update(0.1, turned), -0.1 * turned)


@pytest.mark.parametrize("order", ["alone", "clip first", "clip last"])
@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_optimizer_never_climbs(name, order):
    tx = oa.aware(COMPLETE[name], CONSTANT, learning_rate=1.0, average=False)
    if order == "clip first":
        tx = optax.chain(optax.clip(1.0), tx)
    elif order == "clip last":
        tx = optax.chain(tx, optax.clip(1.0))
    params = {"w": jnp.tile(jnp.asarray([[2.0, -3.0], [-1.0, 0.5]]), (1, 20))}

    def loss(params):
        return 0.5 * jnp.sum(params["w"] ** 2)

    def step(carry, _):
        params, opt_state = carry
        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return (optax.apply_updates(params, updates), opt_state), value

    (params, _), values = jax.lax.scan(step, (params, tx.init(params)), length=30)
    assert np.all(np.diff(values[:10]) <= 1e-6)
    assert loss(params) < 0.7 * values[0]


def test_a_line_search_never_climbs():
    tx = oa.aware(optax.lbfgs(), CONSTANT, learning_rate=1.0, average=False)

    def loss(params):
        return jnp.sum((params - 1.0) ** 2)

    params = jnp.array([3.0, -2.0])
    opt_state = tx.init(params)

    @jax.jit
    def step(params, opt_state):
        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = tx.update(
            grads, opt_state, params, value=value, grad=grads, value_fn=loss
        )
        return optax.apply_updates(params, updates), opt_state

    for _ in range(5):
        params, opt_state = step(params, opt_state)
    assert loss(params) < 1e-6


DIRECTIONS = {
    "identity": optax.identity(),
    "momentum": optax.trace(0.9),
    "adam": optax.scale_by_adam(),
    "sign": optax.scale_by_sign(),
    "muon": optax.contrib.scale_by_muon(),
    "decay": optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(10.0)),
    "decay before": optax.chain(optax.add_decayed_weights(10.0), optax.scale_by_adam()),
    "noise": optax.add_noise(0.01, 0.5, jax.random.key(0)),
    "clip": optax.clip_by_global_norm(1e-3),
}


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("jitted", [False, True])
def test_a_direction_is_not_taken_for_a_complete_optimizer(name, jitted):
    params = {"w": -jnp.ones((5, 7)), "b": jnp.zeros(0), "none": None}
    tx = oa.aware(DIRECTIONS[name], CONSTANT, learning_rate=1.0)
    init = jax.jit(tx.init) if jitted else tx.init
    assert init(params).aware_direction_sign == 1.0


def test_an_inner_optimizer_with_keywords_of_its_own_is_a_direction():
    def update(updates, state, params=None, *, curvature, **extra_args):
        return jax.tree.map(lambda update: update / curvature, updates), state

    inner = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    tx = oa.aware(inner, CONSTANT, learning_rate=1.0)
    params = jnp.array(3.0)
    updates, _ = tx.update(params, tx.init(params), params, value=1.0, curvature=2.0)
    assert updates == -1.5


def test_a_complete_optimizer_shows_its_direction_uphill():
    policy = scripted(
        [1.0] * 2, observes=("gradient_dot_direction",), seen="gradient_dot_direction"
    )
    tx = oa.aware(optax.sgd(0.5), policy)
    params = jnp.array([1.0, 2.0])
    _, opt_state = tx.update(params, tx.init(params), params, value=1.0)
    np.testing.assert_allclose(oa.report(opt_state).value_mean, 2.5)
