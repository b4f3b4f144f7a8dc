"""Gradients that `aware` takes and leaves out: what is not finite, and what would not stay so."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware.transforms._finite import all_usable, sums_of_squares

HUGE = 1e38


def trained(inner, spoiled, dtype=jnp.float32, steps=6):
    """Parameters and state after some steps on a bowl, with one gradient spoiled in the third."""
    tx = oa.aware(inner, oa.policies.constant(), learning_rate=0.1)
    params = {"kernel": jnp.ones((3, 2), dtype), "bias": jnp.ones(4, dtype)}

    @jax.jit
    def step(params, opt_state, value, spoiled):
        grads = {**params, "kernel": params["kernel"].at[2, 1].set(spoiled.astype(dtype))}
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    opt_state = tx.init(params)
    for number in range(steps):
        spoil = spoiled if number == 2 else 1.0
        params, opt_state = step(params, opt_state, jnp.float32(1.0), jnp.float32(spoil))
    return params, opt_state


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("spoiled", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_holds_everything(spoiled, dtype):
    params, opt_state = trained(optax.trace(0.9), spoiled, dtype)
    once_less, _ = trained(optax.trace(0.9), 1.0, dtype, steps=5)
    jax.tree.map(np.testing.assert_array_equal, params, once_less)
    assert oa.report(opt_state).nonfinite == 1


def usable(gradients):
    return all_usable(gradients, sums_of_squares(gradients), (), lambda *_: ((), ()), None)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.complex64], ids=str)
@pytest.mark.parametrize("shape", [(), (4096,), (100, 100)], ids=str)
def test_one_number_is_seen_in_leaves_of_any_size(shape, dtype):
    """XLA:CPU drops NaN from the maximum of an array of 4096."""
    jitted, clean = jax.jit(usable), jnp.ones(shape, dtype)
    assert jitted(clean)
    for place in (0, clean.size // 2, clean.size - 1):
        for spoiled in (np.nan, np.inf, -np.inf):
            assert not jitted(clean.ravel().at[place].set(spoiled).reshape(shape))
    assert not usable(clean.at[...].set(np.nan))


def test_one_number_is_seen_in_each_of_many_members():
    jitted, members = jax.jit(jax.vmap(usable)), jnp.ones((16, 256))
    assert jitted(members).all()
    for member in range(16):
        seen = jitted(members.at[member, 100].set(np.nan))
        np.testing.assert_array_equal(seen, np.arange(16) != member)


@pytest.mark.parametrize("spoiled", [complex(np.nan, 1), complex(1, np.inf)])
def test_both_parts_of_complex_gradients_count(spoiled):
    tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.1)
    params = jnp.ones(2, jnp.complex64)
    _, opt_state = tx.update(jnp.asarray([1.0, spoiled]), tx.init(params), params, value=1.0)
    assert oa.report(opt_state).skipped == 1


def test_a_gradient_that_would_spoil_the_moments_is_left_out():
    params, opt_state = trained(optax.scale_by_adam(), HUGE)
    once_less, state_once_less = trained(optax.scale_by_adam(), 1.0, steps=5)
    jax.tree.map(np.testing.assert_array_equal, params, once_less)
    for mine, other in zip(
        jax.tree.leaves(opt_state.aware_inner_state),
        jax.tree.leaves(state_once_less.aware_inner_state),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    assert oa.report(opt_state).nonfinite == 1


@pytest.mark.parametrize(
    ("dtype", "gradients_dtype", "inner", "spoiled"),
    [
        (jnp.float32, jnp.float32, optax.scale_by_adam(mu_dtype=jnp.float16), 1e6),
        (jnp.float16, jnp.float32, optax.scale_by_adam(eps=1e-4), 1e4),
        (jnp.float16, jnp.float16, optax.scale_by_adam(eps=1e-4), 3e4),
    ],
    ids=["narrow mu", "narrow parameters", "narrow gradients"],
)
def test_a_state_narrower_than_its_gradients_stays_finite(dtype, gradients_dtype, inner, spoiled):
    tx = oa.aware(inner, oa.policies.constant(), learning_rate=0.1)
    params = jnp.ones(4, dtype)
    opt_state = tx.init(params)
    update = jax.jit(tx.update)
    for number in range(4):
        grads = jnp.asarray([1.0, spoiled if number == 2 else 1.0, 1.0, 1.0], gradients_dtype)
        updates, opt_state = update(grads, opt_state, params, value=1.0)
        params = optax.apply_updates(params, updates)
    assert oa.report(opt_state).nonfinite == 1
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(opt_state.aware_inner_state))


def test_what_a_state_is_stored_in_decides_whether_it_stays_finite():
    gradients = jnp.full(2, 1e5)
    stored, following = jnp.zeros(2, jnp.float16), lambda gradients, _: (gradients, gradients)
    assert not all_usable(gradients, sums_of_squares(gradients), stored, following, None)


def test_large_leaves_of_half_precision_are_not_suspicious():
    def second_look(*_):
        raise AssertionError("looked closer")

    gradients = jnp.full(1_000_000, 0.5, jnp.float16)
    assert float(sums_of_squares(gradients)[0]) > float(jnp.finfo(jnp.float16).max)
    with jax.disable_jit():
        assert all_usable(gradients, sums_of_squares(gradients), (), second_look, None)
        with pytest.raises(AssertionError, match="looked closer"):
            all_usable(1000 * gradients, sums_of_squares(gradients), (), second_look, None)


INNERS = {
    "sign": optax.scale_by_sign(),
    "momentum": optax.trace(0.9),
    "clip_by_global_norm": optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_lion()),
    "clip": optax.chain(optax.clip(1.0), optax.scale_by_adam(eps=1e-4)),
}
every_inner = pytest.mark.parametrize("inner", INNERS.values(), ids=INNERS)


@every_inner
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gradients_whose_norm_is_beyond_float32_are_left_out_whatever_the_optimizer(inner, dtype):
    params, opt_state = trained(inner, HUGE, dtype)
    once_less, _ = trained(inner, 1.0, dtype, steps=5)
    jax.tree.map(np.testing.assert_array_equal, params, once_less)
    assert oa.report(opt_state).nonfinite == 1


def test_the_norm_counts_and_not_one_leaf():
    leaves = {"kernel": jnp.full(4, 7e18), "bias": jnp.full(4, 7e18)}
    assert usable({"kernel": leaves["kernel"]})
    assert not usable(leaves)


def test_a_leaf_of_half_precision_changes_nothing_for_the_others():
    tx = oa.aware(optax.scale_by_sign(), oa.policies.constant(), learning_rate=0.1)
    params = {"wide": jnp.ones(2), "half": jnp.ones(2, jnp.float16)}
    grads = {**params, "wide": jnp.full(2, 1e30)}
    _, opt_state = jax.jit(tx.update)(grads, tx.init(params), params, value=1.0)
    assert oa.report(opt_state).nonfinite == 1


@every_inner
def test_where_the_state_bears_it_a_gradient_beyond_half_precision_is_taken(inner):
    params, opt_state = trained(inner, 3e4, jnp.float16)
    assert oa.report(opt_state).nonfinite == 0
    assert oa.report(opt_state).skipped == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))


def test_a_state_that_is_not_finite_from_the_start_is_no_reason():
    def infinite():
        def update(updates, state, params=None):
            del params
            return jax.tree.map(jnp.sign, updates), {"best": jnp.minimum(state["best"], jnp.inf)}

        return optax.GradientTransformation(lambda _: {"best": jnp.float32(jnp.inf)}, update)

    _, opt_state = trained(infinite(), 3e4, jnp.float16)
    assert oa.report(opt_state).nonfinite == 0
