"""Under ``shard_map`` a layer split over one axis and examples over another: as on one device."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, PartitionSpec

import optax_aware as oa

STEPS = 8
WAYS = {"w1": PartitionSpec(None, "model"), "w2": PartitionSpec("model")}


def start():
    random = np.random.default_rng(0)
    return {
        "w1": jnp.asarray(random.normal(size=(3, 4)), jnp.float32),
        "w2": jnp.asarray(random.normal(size=(4, 1)), jnp.float32),
    }


def predict(params, inputs):
    return jnp.tanh(inputs @ params["w1"]) @ params["w2"]


def train(params, inputs, predict, tx, loss_of_all):
    opt_state, rates = tx.init(params), []
    for number in range(STEPS):
        factor = jnp.float32(jnp.nan if number == 4 else 1.0)

        def loss_fn(params, factor=factor):
            return factor * jnp.mean((predict(params, inputs) - 1.0) ** 2)

        value = loss_fn(params)
        grads = jax.grad(lambda params, loss_fn=loss_fn: loss_of_all(loss_fn(params)))(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        params = optax.apply_updates(params, updates)
        rates.append(oa.report(opt_state).learning_rate)
    return params, jnp.stack(rates), oa.report(opt_state).skipped


def transform(axis_name):
    # The loss falls too slowly for it: the rate is lowered at every other step.
    policy = oa.policies.reduce_on_plateau(0.5, patience=1, rtol=0.9)
    return oa.aware(
        optax.scale_by_adam(), policy, learning_rate=0.1, rewind=False, axis_name=axis_name
    )


@pytest.mark.skipif(not hasattr(jax.lax, "pcast"), reason="types of axes differ in older releases")
def test_both_axes_named_it_decides_as_one_device_does():
    if jax.device_count() < 4:
        pytest.skip(f"needs 4 devices, this machine shows {jax.device_count()}")
    mesh = Mesh(np.asarray(jax.devices()[:4]).reshape(2, 2), ("batch", "model"))
    inputs = jnp.asarray(np.random.default_rng(1).normal(size=(8, 3)), jnp.float32)
    tx = transform(("batch", "model"))

    def on_each(params, inputs):
        def split(params, inputs):
            return jax.lax.psum(predict(params, inputs), "model")

        return train(params, inputs, split, tx, lambda loss: jax.lax.pmean(loss, "batch"))

    everywhere = PartitionSpec()
    on_four = jax.jit(
        jax.shard_map(
            on_each,
            mesh=mesh,
            in_specs=(WAYS, PartitionSpec("batch")),
            out_specs=(WAYS, everywhere, everywhere),
        )
    )
    params, rates, skipped = on_four(start(), inputs)
    expected = jax.jit(lambda params: train(params, inputs, predict, transform(None), lambda x: x))(
        start()
    )
    jax.tree.map(
        lambda mine, other: np.testing.assert_allclose(mine, other, rtol=1e-4),
        (params, rates),
        expected[:2],
    )
    assert skipped == expected[2] == 1
    assert len(set(np.asarray(rates).tolist())) > 2


@pytest.mark.skipif(not hasattr(jax.lax, "pcast"), reason="types of axes differ in older releases")
@pytest.mark.parametrize("options", [{"rewind": False}, {"average": False}], ids=str)
def test_parameters_told_apart_on_the_way_are_refused(options):
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("batch",))
    tx = oa.aware(optax.identity(), axis_name="batch", **options)

    def on_each(params):
        opt_state = tx.init(params)
        apart = jax.lax.pcast(params, "batch", to="varying")
        return tx.update(params, opt_state, apart, value=1.0)[0]

    everywhere = PartitionSpec()
    with pytest.raises(ValueError, match="differ along batch besides"):
        jax.eval_shape(
            jax.shard_map(on_each, mesh=mesh, in_specs=everywhere, out_specs=everywhere),
            jnp.ones(3),
        )
