"""What a policy is told of the path: inner products with the last update and two averages."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

import optax_aware as oa
from tests.references.scripted import scripted

SAMPLED = (
    "gradient_dot_update",
    "previous_gradient_dot_update",
    "gradient_dot_path",
    "gradient_dot_lag",
)
STEPS = 14
SCALES = np.linspace(0.3, 0.05, STEPS)
CURVATURE = np.array([1.0, 0.5, 2.0, 0.1])
START = np.array([3.0, -2.0, 1.0, 5.0])
NOISE = np.sin(1.0 + 7.0 * np.arange(STEPS)[:, None] + np.arange(4))


def noisy_gradient(position, noise):
    return CURVATURE * position + noise


def listening(policy):
    """Return a policy that also keeps what it was told, in the evidence."""

    def update(state, observation):
        state, decision = policy.update(state, observation)
        told = [jnp.asarray(getattr(observation, name), jnp.float32) for name in SAMPLED]
        return state, decision._replace(evidence=oa.Evidence(*told))

    return policy._replace(update=update, observes=SAMPLED)


def train(tx, values=None):
    values = np.ones(STEPS) if values is None else values

    def step(carry, numbers):
        params, opt_state = carry
        noise, value = numbers
        grads = noisy_gradient(params, noise)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        awareness = opt_state.aware_awareness
        told = (
            awareness.aware_value_mean,
            awareness.aware_value_standard_error,
            awareness.aware_progress,
            awareness.aware_annealing_gain,
        )
        params = optax.apply_updates(params, updates)
        return (params, opt_state), (jnp.stack(told), oa.eval_params(opt_state, params))

    start = jnp.asarray(START, jnp.float32)
    numbers = (jnp.asarray(NOISE, jnp.float32), jnp.asarray(values, jnp.float32))
    return jax.lax.scan(step, (start, tx.init(start)), numbers)


def reference(*, skip=(), rewind=(), keep=(), restart=(), values=None):
    """What is observed at every step, and the averages of order 16 beside it."""
    position, snapshot = START, START
    update, promise, near, far, taken = np.zeros(4), math.nan, None, None, 0
    told, averages = [], []
    for step, scale in enumerate(SCALES):
        gradient = noisy_gradient(position, NOISE[step])
        known = taken > 0
        told.append(
            (
                gradient @ update if math.isfinite(promise) else math.nan,
                promise,
                gradient @ (near - far) if known else math.nan,
                gradient @ (position - near) if known else math.nan,
            )
        )
        weight = 17 / (taken + 17)
        averages.append(position if not known else near + weight * (position - near))
        update, promise = np.zeros(4), math.nan
        if step in rewind:
            position, taken = snapshot, 0
            continue
        held = step in skip or (values is not None and not math.isfinite(values[step]))
        if not held:
            if step in keep:
                snapshot = position
            far_weight = 3 / (taken + 3)
            near = position if not known else near + weight * (position - near)
            far = position if not known else far + far_weight * (position - far)
            taken += 1
            update = -scale * gradient
            promise = gradient @ update
            position = position + update
        if step in restart:
            taken = 0
    return np.array(told), np.array(averages)


SCRIPTS = {
    "rewinds": {"keep": [2, 7], "rewind": [5, 6, 10]},
    "restarts": {"restart": [0, 4, 8, 9], "skip": [4, 5]},
    "everything": {"keep": [1], "rewind": [7], "skip": [2], "restart": [4, 9]},
    "values": {"values": [1, math.nan, 1, 1, math.inf] + [1] * (STEPS - 5)},
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_follows_the_slow_reference(name):
    script = dict(SCRIPTS[name])
    expected, expected_averages = reference(**script)
    values = script.pop("values", None)
    tx = oa.aware(optax.identity(), listening(scripted(SCALES, **script)), average=True)
    _, (told, averages) = train(tx, values=values)
    np.testing.assert_allclose(told, expected, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(averages[:-1], expected_averages[1:], rtol=1e-4, atol=1e-5)
    assert np.isfinite(told).all(axis=1).sum() > 3


def test_the_last_step_is_what_was_added_in_the_dtype_of_the_parameters():
    tx = oa.aware(optax.scale(3.0), listening(scripted([0.7] * 2)), learning_rate=0.01)
    params = {"w": jnp.asarray([1.0, 2.0], jnp.bfloat16), "b": jnp.float32(1.0)}
    before = params
    opt_state, update = tx.init(params), jax.jit(tx.update)
    updates, opt_state = update(params, opt_state, params, value=1.0)
    params = optax.apply_updates(params, updates)
    _, opt_state = update(params, opt_state, params, value=1.0)
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, before, updates))
    expected = sum(np.sum(wide[0][name] * (wide[0][name] - wide[1][name])) for name in params)
    requested = sum(np.sum(wide[0][name] * wide[2][name]) for name in params)
    assert expected != pytest.approx(requested, rel=1e-3)
    assert opt_state.aware_awareness.aware_value_mean == pytest.approx(expected, rel=1e-5)


def test_gradients_that_are_not_finite_leave_no_trace():
    tx = oa.aware(optax.identity(), listening(scripted([0.1] * 4)), average=False)
    params = jnp.ones(3)
    opt_state, update = tx.init(params), jax.jit(tx.update)
    _, opt_state = update(params, opt_state, params, value=1.0)
    _, after = update(params.at[1].set(jnp.nan), opt_state, params, value=1.0)
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(after.aware_path))
    assert np.isinf(after.aware_path.path_promise)
    np.testing.assert_array_equal(after.aware_path.path_near, opt_state.aware_path.path_near)
    broken = params.at[0].set(jnp.inf)
    _, after = update(params, opt_state, broken, value=1.0)
    np.testing.assert_array_equal(after.aware_path.path_near, opt_state.aware_path.path_near)


def test_nothing_is_kept_for_a_policy_that_does_not_ask():
    params = jnp.ones(3)
    state = oa.aware(optax.identity(), scripted([1.0])).init(params)
    assert state.aware_path == optax.EmptyState()


@pytest.mark.parametrize("mapped", ["pmap", "shard_map"])
def test_every_device_is_told_the_same(mapped):
    if jax.device_count() < 8:
        pytest.skip(f"needs 8 devices, this machine shows {jax.device_count()}")
    tx = oa.aware(
        optax.identity(), listening(scripted([0.1] * 4)), average=False, axis_name="batch"
    )
    params = {"w": jnp.linspace(1.0, 2.0, 5)}
    batch = jnp.arange(8.0).reshape(8, 1)

    def whole(batch):
        def step(carry, _):
            params, opt_state = carry
            # Each device hands in its own gradients; the update is that of their mean.
            own = jax.tree.map(lambda leaf: leaf * (1.0 + batch[0]), params)
            grads = jax.lax.pmean(own, "batch")
            updates, opt_state = tx.update(grads, opt_state, params, value=batch[0])
            told = opt_state.aware_awareness
            told = jnp.stack([told.aware_value_mean, told.aware_progress])
            return (optax.apply_updates(params, updates), opt_state), told

        return jax.lax.scan(step, (params, tx.init(params)), length=3)[1]

    if mapped == "pmap":
        told = jax.pmap(whole, axis_name="batch")(batch)
    else:
        mesh = Mesh(np.asarray(jax.devices()[:8]), ("batch",), axis_types=(AxisType.Auto,))
        split = PartitionSpec("batch")
        sharded = functools.partial(
            jax.shard_map, mesh=mesh, in_specs=split, out_specs=split, check_vma=False
        )
        told = jax.jit(sharded(lambda batch: whole(batch[0])[None]))(batch)
    told = np.asarray(told)
    assert (told == told[:1])[:, 1:].all()
    w = np.linspace(1.0, 2.0, 5)
    stepped = w * (1 - 0.1 * 4.5)
    np.testing.assert_allclose(told[0, 1, 0], 4.5 * stepped @ (stepped - w), rtol=1e-5)


def test_what_moves_is_seen_behind_many_leaves_that_are_frozen():
    params = {"frozen": [jnp.ones(100) for _ in range(40)], "head": jnp.ones(10)}
    tx = oa.aware(optax.scale_by_adam(), total_steps=300)

    def loss(params):
        frozen = jax.lax.stop_gradient(params["frozen"])
        return jnp.sum((params["head"] - jnp.arange(10.0)) ** 2) + 0.0 * jnp.sum(frozen[0])

    def step(carry, _):
        params, opt_state = carry
        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return (optax.apply_updates(params, updates), opt_state), value

    _, values = jax.lax.scan(step, (params, tx.init(params)), length=300)
    assert values[-1] < 1e-3 * values[0]
