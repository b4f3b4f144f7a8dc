"""Searches over parameters that are not plain float32 arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.search.bowl import CURVATURES, batches, loss_fn, start

IDENTITY = optax.identity()
TARGET = 1.0 + 2.0j
COARSE = {"num_rates": 4, "num_rounds": 1, "num_steps": 20}


def complex_loss(params, batch):
    distance = params - TARGET
    return CURVATURES[0] * distance.real**2 + CURVATURES[1] * distance.imag**2 + 0.0 * batch[0]


def twin_loss(params, batch):
    return complex_loss(jax.lax.complex(params[0], params[1]), batch)


def test_a_complex_parameter_trains_as_two_real_ones_do():
    data = batches(20)
    one = oa.search.range_test(complex_loss, jnp.complex64(0), data, IDENTITY, num_steps=60)
    two = oa.search.range_test(twin_loss, jnp.zeros(2), data, IDENTITY, num_steps=60)
    assert one.suggestion is not None
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-4, atol=1e-6)
    assert one.suggestion == pytest.approx(two.suggestion, rel=1e-3)
    found = oa.search.coarse_to_fine(complex_loss, jnp.complex64(0), data, IDENTITY, **COARSE)
    twin = oa.search.coarse_to_fine(twin_loss, jnp.zeros(2), data, IDENTITY, **COARSE)
    np.testing.assert_allclose(
        [c.loss for c in found.candidates], [c.loss for c in twin.candidates], rtol=1e-4
    )


@pytest.mark.parametrize("inner", [IDENTITY, optax.adamw(0.1, weight_decay=0.5)])
def test_integers_among_the_parameters_stay_as_they_are(inner):
    def loss(params, batch):
        # Would show at once if the integer or the flag moved.
        kept = (params["three"] == 3) & params["flag"]
        return jnp.where(kept, loss_fn(params["weights"], batch), jnp.nan)

    params = {"weights": start(), "three": jnp.int32(3), "flag": jnp.array(True)}
    data = batches(20)
    mixed = oa.search.range_test(loss, params, data, inner, num_steps=40)
    plain = oa.search.range_test(loss_fn, start(), data, inner, num_steps=40)
    np.testing.assert_allclose(mixed.losses, plain.losses, rtol=1e-5)
    found = oa.search.coarse_to_fine(loss, params, data, inner, **COARSE)
    assert found.best is not None
    assert sum(one.steps == 20 for one in found.candidates) >= 3
