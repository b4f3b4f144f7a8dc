import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted


def test_is_a_stateful_schedule_of_optax():
    assert isinstance(
        oa.as_learning_rate(oa.policies.constant(), 0.1), optax.schedules.StatefulSchedule
    )


def test_the_loss_of_a_step_decides_the_rate_of_that_step():
    rate = oa.as_learning_rate(scripted([1.0, 0.5, 0.25]), 0.1)
    tx = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
    params = jnp.ones(())
    opt_state = tx.init(params)
    np.testing.assert_allclose(opt_state.hyperparams["learning_rate"], 0.1, rtol=1e-6)
    for scale in [1.0, 0.5, 0.25]:
        updates, opt_state = tx.update(params, opt_state, params, value=1.0)
        np.testing.assert_allclose(updates, -0.1 * scale, rtol=1e-6)
        np.testing.assert_allclose(opt_state.hyperparams["learning_rate"], 0.1 * scale, rtol=1e-6)
        np.testing.assert_allclose(oa.learning_rate(opt_state), 0.1 * scale, rtol=1e-6)


def test_a_schedule_times_a_policy():
    schedule = oa.schedules.cosine(0.1, 4)
    tx = optax.inject_hyperparams(optax.adam)(
        learning_rate=oa.as_learning_rate(scripted([1.0, 0.5, 0.5, 2.0]), schedule)
    )
    params = jnp.ones(())
    opt_state = tx.init(params)
    for step, scale in enumerate([1.0, 0.5, 0.5, 2.0]):
        _, opt_state = jax.jit(tx.update)(params, opt_state, params, value=1.0)
        expected = float(schedule(step)) * scale
        np.testing.assert_allclose(oa.learning_rate(opt_state), expected, rtol=1e-6)


def test_the_rate_is_zero_where_the_loss_is_not_finite():
    tx = optax.inject_hyperparams(optax.sgd)(
        learning_rate=oa.as_learning_rate(oa.policies.constant(), 0.1)
    )
    params = jnp.ones(())
    opt_state = tx.init(params)
    updates, opt_state = tx.update(params, opt_state, params, value=math.nan)
    assert updates == 0.0
    updates, _ = tx.update(params, opt_state, params, value=1.0)
    np.testing.assert_allclose(updates, -0.1, rtol=1e-6)


def test_the_rate_keeps_float32_with_sixteen_bit_parameters():
    tx = optax.inject_hyperparams(optax.sgd, hyperparam_dtype=jnp.float32)(
        learning_rate=oa.as_learning_rate(oa.policies.constant(), 1e-3)
    )
    opt_state = tx.init(jnp.ones(2, jnp.bfloat16))
    assert opt_state.hyperparams["learning_rate"].dtype == jnp.float32
    np.testing.assert_allclose(opt_state.hyperparams["learning_rate"], 1e-3, rtol=1e-7)


def test_without_inject_hyperparams_it_says_where_it_belongs():
    tx = optax.adam(oa.as_learning_rate(oa.policies.constant(), 0.1))
    params = jnp.ones(2)
    with pytest.raises(TypeError, match=r"hand it to optax\.inject_hyperparams"):
        tx.update(params, tx.init(params), params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plateau",), "policy must be a Policy"),
        ((scripted([1.0], observes=("gradient_norm",)),), "policy must observe the loss alone"),
        ((oa.policies.constant(), -1.0), "learning_rate must be"),
        ((oa.policies.constant(), "0.1"), "learning_rate must be"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        oa.as_learning_rate(*arguments)
