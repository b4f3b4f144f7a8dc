import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted


def updates_of(tx, values, dtype=jnp.float32, **keywords):
    params = jnp.ones(2, dtype)
    opt_state = tx.init(params)
    seen = []
    for value in values:
        updates, opt_state = tx.update(params, opt_state, params, value=value, **keywords)
        seen.append(updates)
    return seen, opt_state


def test_multiplies_the_updates_by_the_scale_of_the_same_step():
    tx = oa.scale_by_policy(scripted([1.0, 0.5, 0.25, 2.0]))
    seen, _ = updates_of(tx, [1.0] * 4)
    np.testing.assert_array_equal(np.stack(seen)[:, 0], [1.0, 0.5, 0.25, 2.0])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_a_small_scale_is_not_rounded_in_the_dtype_of_the_updates(dtype):
    scale = 1e-3 if dtype == jnp.bfloat16 else 1e-4
    tx = optax.chain(optax.scale(1024.0), oa.scale_by_policy(scripted([scale])))
    (update,), _ = updates_of(tx, [1.0], dtype)
    assert update.dtype == dtype
    np.testing.assert_array_equal(update, jnp.full(2, np.float32(scale) * 1024.0).astype(dtype))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_gives_zero_updates(value):
    tx = oa.scale_by_policy(oa.policies.constant())
    params = jnp.ones(2)
    updates, opt_state = tx.update(jnp.full(2, math.nan), tx.init(params), params, value=value)
    np.testing.assert_array_equal(updates, 0.0)
    seen = oa.report(opt_state)
    assert (seen.skipped, seen.nonfinite) == (1, 1)


def test_a_skip_gives_zero_updates_and_a_rewind_nothing():
    seen, opt_state = updates_of(
        oa.scale_by_policy(scripted([1.0] * 3, skip=[1], rewind=[2])), [1.0] * 3
    )
    np.testing.assert_array_equal(np.stack(seen)[:, 0], [1.0, 0.0, 1.0])
    assert oa.report(opt_state).rewound == 0


def test_only_behind_adam_does_a_scale_matter():
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
    before = optax.chain(oa.scale_by_policy(policy), optax.adam(0.1))
    after = optax.chain(optax.adam(0.1), oa.scale_by_policy(policy))
    unscaled, _ = updates_of(optax.with_extra_args_support(optax.adam(0.1)), [1.0] * 3)
    in_front, _ = updates_of(before, [1.0] * 3)
    behind, _ = updates_of(after, [1.0] * 3)
    np.testing.assert_allclose(in_front, unscaled, rtol=0.2)
    np.testing.assert_allclose(behind[2], 0.25 * unscaled[2], rtol=1e-6)


def test_validation_values_decide_where_they_are_handed_in():
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0, monitor="validation_value")
    tx = oa.scale_by_policy(policy)
    params = jnp.ones(())
    opt_state = tx.init(params)
    scales = []
    for step in range(9):
        validation = {"validation_value": 1.0} if step % 3 == 0 else {}
        updates, opt_state = tx.update(params, opt_state, params, value=-step, **validation)
        scales.append(float(updates))
    assert scales == [1.0] * 3 + [0.5] * 3 + [0.25] * 3


def test_inside_jit_with_a_validation_value_that_is_nan_in_between():
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0, monitor="validation_value")
    tx = oa.scale_by_policy(policy)

    def step(opt_state, validation_value):
        updates, opt_state = tx.update(
            jnp.ones(()), opt_state, value=1.0, validation_value=validation_value
        )
        return opt_state, updates

    validations = jnp.asarray([1.0, math.nan, 1.0, math.nan, math.nan, 1.0])
    _, scales = jax.lax.scan(step, tx.init(jnp.ones(())), validations)
    np.testing.assert_array_equal(scales, [1.0, 1.0, 0.5, 0.5, 0.5, 0.25])


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        ("greedy", {}, "policy must be a Policy"),
        (scripted([1.0], observes=("params_norm",)), {}, "policy must observe the loss alone"),
        (oa.policies.constant(), {"axis_name": 1.5}, "axis_name must be"),
    ],
)
def test_wrong_arguments_are_named(policy, options, message):
    with pytest.raises(ValueError, match=message):
        oa.scale_by_policy(policy, **options)
