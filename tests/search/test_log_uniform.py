import jax
import jax.numpy as jnp
import numpy as np
import pytest

import optax_aware as oa


@pytest.mark.parametrize("stratified", [True, False])
def test_logarithms_are_uniform_between_the_bounds(stratified):
    rates = np.asarray(oa.search.log_uniform(1e-5, 10.0, 3000, key=1, stratified=stratified))
    assert rates.dtype == np.float32
    assert rates.min() >= np.float32(1e-5)
    assert rates.max() <= np.float32(10.0)
    shares = np.sort(np.log10(rates.astype(float)) + 5.0) / 6.0
    distance = np.abs(shares - (np.arange(3000) + 0.5) / 3000).max()
    # Kolmogorov and Smirnov: 1.95 / sqrt(n) in one of a thousand.
    assert distance < (1.0 / 3000 if stratified else 1.95 / np.sqrt(3000))


def test_strata_have_one_rate_each_in_order():
    for seed in range(5):
        rates = np.asarray(oa.search.log_uniform(1e-3, 1.0, 6, key=seed), float)
        np.testing.assert_array_equal((np.log10(rates) + 3.0) // 0.5, np.arange(6))


def test_keys_jit_and_traced_bounds():
    drawn = oa.search.log_uniform(1e-3, 1.0, 4, key=jax.random.key(7))
    np.testing.assert_array_equal(drawn, oa.search.log_uniform(1e-3, 1.0, 4, key=7))
    assert not np.array_equal(drawn, oa.search.log_uniform(1e-3, 1.0, 4, key=8))
    traced = jax.jit(lambda low, high: oa.search.log_uniform(low, high, 4, key=7))(1e-3, 1.0)
    np.testing.assert_allclose(traced, drawn, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1.0, 0.1, 4), {}, "min_rate must be less than max_rate, got min_rate=1.0"),
        ((0.1, 0.1, 4), {}, "min_rate must be less than max_rate"),
        ((0.0, 0.1, 4), {}, "min_rate must be"),
        ((0.1, "high", 4), {}, "max_rate must be"),
        ((0.1, 1.0, 0), {}, "num_rates must be an integer of at least 1"),
        ((0.1, 1.0, 4), {"stratified": 1}, "stratified must be True or False"),
        ((1e-40, 1.0, 4), {}, r"min_rate must be a number in \[1.17549e-38, 3.40282e\+38\]"),
        ((0.1, 1e39, 4), {}, "max_rate must be a number in"),
        ((0.1, 1.0, 4), {"key": None}, "key must be a single JAX key or an integer seed"),
        ((0.1, 1.0, 4), {"key": 1.5}, "key must be"),
        ((0.1, 1.0, 4), {"key": "seed"}, "key must be"),
        ((0.1, 1.0, 4), {"key": True}, "key must be"),
        ((0.1, 1.0, 4), {"key": jax.random.split(jax.random.key(0), 2)}, "key must be"),
    ],
)
def test_what_is_wrong_is_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        oa.search.log_uniform(*arguments, **{"key": 0, **options})


@pytest.mark.parametrize(("low", "high"), [(1e-20, 1e20), (1.2e-38, 3.4e38), (1.2e-38, 1e-30)])
def test_bounds_may_be_as_far_apart_as_float32_allows(low, high):
    rates = np.asarray(oa.search.log_uniform(low, high, 200, key=3), float)
    shares = np.log(rates / low) / np.log(high / low)
    np.testing.assert_allclose(shares, (np.arange(200) + 0.5) / 200, atol=0.5 / 200 + 1e-5)


def test_every_kind_of_seed_and_key_draws_alike():
    drawn = oa.search.log_uniform(1e-3, 1.0, 4, key=3)
    for key in (np.int64(3), jnp.int32(3), np.asarray(3), jax.random.PRNGKey(3)):
        np.testing.assert_array_equal(oa.search.log_uniform(1e-3, 1.0, 4, key=key), drawn)
    by_seed = jax.jit(lambda seed: oa.search.log_uniform(1e-3, 1.0, 4, key=seed))
    np.testing.assert_allclose(by_seed(3), drawn, rtol=1e-5)
