"""The default policy on eight devices, in a run in which everything happens: as on one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import optax_aware as oa
from optax_aware import Condition
from tests.distributed.training import (
    BROKEN,
    EXAMPLES,
    QUICKLY,
    SPIKE,
    STEPS,
    Batch,
    Course,
    batches,
    loss_fn,
    run,
    start,
    step,
    transform,
)

DEVICES = 8
EVERYWHERE, SPLIT = PartitionSpec(), PartitionSpec("batch")
STREAM = PartitionSpec(None, "batch")


def quickly(function, *arguments):
    return jax.jit(function).lower(*arguments).compile(QUICKLY)(*arguments)


@pytest.fixture(scope="module")
def mesh():
    if jax.device_count() < DEVICES:
        pytest.skip(f"needs {DEVICES} devices, this machine shows {jax.device_count()}")
    return Mesh(np.asarray(jax.devices()[:DEVICES]), ("batch",))


@functools.cache
def single_steps():
    """Every step of a run on one device, each from where it was begun, compiled once."""
    steps = jax.vmap(lambda before, batch: step(before, batch)[1])
    return jax.jit(steps, compiler_options=QUICKLY)


def decides_as_one_device(course: Course, stream: Batch) -> None:
    """Compare each step with the same step on one device.

    Whole runs part company sooner or later: sums in another order end in another bit, and whether
    a rewind has arrived, or needs one more step, is a question of such a bit.
    """
    course = jax.tree.map(np.asarray, course)
    expected = jax.tree.map(np.asarray, single_steps()(course.before, stream))
    for name in course.report._fields:
        seen, wanted = getattr(course.report, name), getattr(expected.report, name)
        if np.issubdtype(wanted.dtype, np.integer):
            np.testing.assert_array_equal(seen, wanted, err_msg=name)
    same = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    same(course.report.learning_rate, expected.report.learning_rate)
    jax.tree.map(same, course.params, expected.params)
    jax.tree.map(same, course.opt_state.aware_average, expected.opt_state.aware_average)


def placed(mesh, *, sharded: bool):
    """The parameters, and, fully sharded, an equal part of the weights on each device."""
    weights = NamedSharding(mesh, SPLIT if sharded else EVERYWHERE)
    shardings = {"b": NamedSharding(mesh, EVERYWHERE), "w": weights}
    return jax.device_put(start(), shardings)


@functools.cache
def sharded_course(mesh, sharded: bool) -> Course:
    stream = jax.device_put(batches(), NamedSharding(mesh, STREAM))
    return quickly(run, placed(mesh, sharded=sharded), stream)


def test_the_run_is_one_in_which_everything_happens(mesh):
    course = sharded_course(mesh, True)
    assert set(np.asarray(course.report.condition)) >= {
        Condition.LISTENING,
        Condition.RAMPING,
        Condition.SPIKE,
        Condition.COOLING,
    }
    assert course.report.rewound[-1] >= 1
    assert course.report.nonfinite.tolist() == [0] * BROKEN + [1] * (STEPS - BROKEN)
    assert course.report.condition[SPIKE] == Condition.SPIKE
    assert course.opt_state.aware_average.average_taken[-1] > 30


@pytest.mark.parametrize("sharded", [True, pytest.param(False, marks=pytest.mark.long)])
def test_sharded_batches_and_parameters_lead_to_the_same_decisions(mesh, sharded):
    params = placed(mesh, sharded=sharded)
    course = sharded_course(mesh, sharded)
    decides_as_one_device(course, batches())
    for leaf in jax.tree.leaves((course.report, course.opt_state.aware_awareness)):
        assert leaf.is_fully_replicated
        for shard in leaf.addressable_shards:
            np.testing.assert_array_equal(shard.data, leaf.addressable_data(0))
    snapshot = course.opt_state.aware_snapshot
    copies = {
        "parameters": course.params,
        "average": course.opt_state.aware_average.average_params,
        "snapshot": snapshot.snapshot_params,
        "moments": course.opt_state.aware_inner_state.mu,
        "moments in the snapshot": snapshot.snapshot_inner_state.nu,
    }
    for what, copy in copies.items():
        for name, leaf in copy.items():
            a_device_has = leaf.addressable_data(0).nbytes // STEPS
            assert a_device_has == params[name].addressable_data(0).nbytes, (what, name)


# The copies of a leaf in the state: its moments, two of Adam's or one of momentum; where there is
# a snapshot, itself and its moments; where there is an average or a mean of gradients, those.
TRANSFORMS = {
    "aware": (transform, 6),
    "no copies": (lambda: oa.aware(optax.trace(0.9), rewind=False, average=False), 1),
    "accumulate": (lambda: oa.accumulate(oa.aware(optax.scale_by_adam()), 2), 7),
}


def described(tree):
    """The types of the leaves; a scalar is on every device, whether it is a constant or not."""
    types = jax.tree.map(jax.typeof, tree)
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.sharding.spec), types)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_explicit_sharding_types_are_the_same_after_an_update(mesh, name):
    make, copies = TRANSFORMS[name]
    tx = make()
    axis_types = (AxisType.Explicit, AxisType.Explicit)
    explicit = Mesh(mesh.devices.reshape(2, 4), ("batch", "model"), axis_types=axis_types)
    specs = {"b": PartitionSpec("model"), "w": PartitionSpec("batch", "model")}

    def two_updates(params, opt_state, value):
        seen = [described(opt_state)]
        for _ in range(2):
            updates, opt_state = tx.update(params, opt_state, params, value=value)
            assert described(updates) == described(params)
            seen.append(described(opt_state))
        assert seen[0] == seen[1] == seen[2]
        return opt_state

    with jax.set_mesh(explicit):
        shardings = {key: NamedSharding(explicit, spec) for key, spec in specs.items()}
        params = jax.device_put(start(), shardings)
        opt_state = jax.jit(tx.init)(params)
        jax.jit(two_updates).trace(params, opt_state, 1.0)
        spread = [str(jax.typeof(leaf)) for leaf in jax.tree.leaves(opt_state)]
    assert spread.count("float32[16@batch,4@model]") == copies


def by_shard_map(mesh):
    def own_part(params, stream):
        course = run(params, stream, "batch")
        return jax.tree.map(lambda leaf: leaf[None], course)

    mapped = jax.shard_map(
        own_part, mesh=mesh, in_specs=(EVERYWHERE, STREAM), out_specs=SPLIT, check_vma=False
    )
    return quickly(mapped, start(), batches())


def parts() -> Batch:
    """The minibatches with an axis of devices after that of steps."""
    shape = (STEPS, DEVICES, EXAMPLES // DEVICES)
    return Batch(*(column.reshape(shape + column.shape[2:]) for column in batches()))


def by_pmap(mesh):
    whole = functools.partial(run, axis_name="batch")
    devices = list(mesh.devices)
    mapped = jax.pmap(whole, "batch", in_axes=(None, 1), devices=devices)
    return mapped.lower(start(), parts()).compile(QUICKLY)(start(), parts())


@pytest.mark.long
@pytest.mark.parametrize("mapped", [by_shard_map, by_pmap])
def test_devices_that_name_their_axis_decide_alike(mesh, mapped):
    courses = jax.tree.map(np.asarray, mapped(mesh))
    first = jax.tree.map(lambda leaf: leaf[0], courses)
    decides_as_one_device(first, batches())
    for device in range(1, DEVICES):
        own = jax.tree.map(lambda leaf, device=device: leaf[device], courses)
        jax.tree.map(np.testing.assert_array_equal, own, first)


def local_gradients(params, batch):
    """The gradients of this device's examples, which shard_map would else add up by itself."""
    # A zero that differs from device to device, as far as JAX knows.
    nothing = 0.0 * jax.lax.axis_index("batch")
    return jax.value_and_grad(loss_fn)(jax.tree.map(lambda leaf: leaf + nothing, params), batch)


def one_update(tx, params, opt_state, batch):
    value, grads = local_gradients(params, batch)
    updates, opt_state = tx.update(jax.lax.pmean(grads, "batch"), opt_state, params, value=value)
    return optax.apply_updates(params, updates), opt_state


def mapped_update(mesh, tx, spec_of_state=EVERYWHERE, update=one_update):
    return jax.jit(
        jax.shard_map(
            functools.partial(update, tx),
            mesh=mesh,
            in_specs=(EVERYWHERE, spec_of_state, SPLIT),
            out_specs=(EVERYWHERE, spec_of_state),
        )
    )


def first_batch() -> Batch:
    return Batch(*(column[0] for column in batches()))


def test_shard_map_proves_that_all_devices_have_the_same_state(mesh):
    tx = oa.accumulate(transform("batch"), 2, axis_name="batch")
    update = mapped_update(mesh, tx)
    _, after = update.trace(start(), tx.init(start()), first_batch()).out_info
    assert jax.tree.structure(after) == jax.tree.structure(tx.init(start()))


UNNAMED = {
    "aware": lambda: oa.aware(optax.scale_by_adam()),
    "another axis": lambda: oa.aware(optax.scale_by_adam(), axis_name="model"),
    "scale_by_policy": lambda: optax.chain(
        optax.sgd(0.1), oa.scale_by_policy(oa.policies.reduce_on_plateau())
    ),
    "as_learning_rate": lambda: optax.inject_hyperparams(optax.sgd)(
        oa.as_learning_rate(oa.policies.greedy(), 0.1)
    ),
    "accumulate": lambda: oa.accumulate(optax.adam(0.1), 2),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_an_axis_that_is_not_named_is_named_by_the_error(mesh, name):
    tx = UNNAMED[name]()
    with pytest.raises(ValueError, match=r"axis_name must name .* value differs along batch"):
        mapped_update(mesh, tx).trace(start(), tx.init(start()), first_batch())


def test_gradients_that_nobody_averaged_are_noticed(mesh):
    tx = oa.aware(optax.scale_by_adam())

    def update(tx, params, opt_state, batch):
        value, grads = local_gradients(params, batch)
        value = jax.lax.pmean(value, "batch")
        return params, tx.update(grads, opt_state, params, value=value)[1]

    with pytest.raises(ValueError, match=r"gradients differs along batch"):
        mapped_update(mesh, tx, update=update).trace(start(), tx.init(start()), first_batch())


def test_without_an_axis_name_under_pmap_every_device_decides_by_its_own_loss(mesh):
    tx = oa.scale_by_policy(oa.policies.reduce_on_plateau(factor=0.5, patience=0))
    values = jnp.asarray([[1.0] * 6, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])

    def whole(values):
        def step(opt_state, value):
            _, opt_state = tx.update(jnp.ones(()), opt_state, value=value)
            return opt_state, oa.report(opt_state).scale

        return jax.lax.scan(step, tx.init(jnp.ones(())), values)[1]

    scales = jax.pmap(whole, "batch", devices=list(mesh.devices[:2]))(values)
    assert scales[0, -1] < 1.0
    np.testing.assert_array_equal(scales[1], 1.0)


@pytest.mark.long
def test_an_ensemble_over_all_devices_is_each_of_its_members(mesh):
    seeds = [batches(seed) for seed in range(DEVICES)]
    stream = jax.tree.map(lambda *columns: np.stack(columns), *seeds)
    over_devices = NamedSharding(mesh, SPLIT)
    members = jax.device_put(stream, over_devices)
    together = quickly(jax.vmap(run, in_axes=(None, 0)), start(), members)
    assert together.report.scale.sharding.is_equivalent_to(over_devices, 2)
    together = jax.tree.map(np.asarray, together)
    for member in (0, 3, 7):
        own = functools.partial(jax.tree.map, lambda leaf, member=member: leaf[member])
        decides_as_one_device(own(together), own(stream))
    assert len(np.unique(together.report.learning_rate[:, -2])) == DEVICES
