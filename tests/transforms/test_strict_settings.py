"""Settings of JAX under which a user may want every promotion spelled out."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.jax_settings import setting
from tests.policies.table import POLICIES
from tests.schedules.table import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_schedules_add_no_axes(case):
    steps = jnp.arange(12).reshape(3, 4)
    usual = jax.jit(case.build(**case.numbers))(steps)
    with setting("jax_numpy_rank_promotion", "raise"):
        strict = jax.jit(case.build(**case.numbers))(steps)
    np.testing.assert_array_equal(strict, usual)


@pytest.mark.parametrize("name", POLICIES)
def test_policies_mix_no_dtypes(name):
    values = [3.0, 2.0, float("nan"), 1.0, 1.5, 9.0]
    with setting("jax_numpy_dtype_promotion", "strict"):
        strict = oa.policies.replay(POLICIES[name](), values)
    usual = oa.policies.replay(POLICIES[name](), values)
    jax.tree.map(np.testing.assert_array_equal, strict, usual)


def test_gradients_of_integers_under_the_default_policy():
    params = {"w": jnp.ones((3, 2)), "i": jnp.arange(3)}
    tx = oa.aware(optax.identity())

    @jax.jit
    def step(params, opt_state):
        value, grads = jax.value_and_grad(lambda p: jnp.sum(p["w"] ** 2), allow_int=True)(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return {**params, "w": params["w"] + updates["w"]}, opt_state, value

    opt_state = tx.init(params)
    for _ in range(40):
        params, opt_state, value = step(params, opt_state)
    assert value < 0.1
