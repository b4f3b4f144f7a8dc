"""What every public transform promises under every public policy."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.conformance.table import CASES, LOSSES, ONE_OF_EACH, TRANSFORMS, make


def name(case):
    return "-".join(case)


def all_cases(function):
    return pytest.mark.parametrize("case", CASES, ids=name)(function)


def one_of_each(function):
    return pytest.mark.parametrize("case", ONE_OF_EACH, ids=name)(function)


def parameters():
    return {"kernel": jnp.asarray([[0.5, -1.0], [2.0, 0.25]]), "bias": jnp.zeros(2)}


def avals(tree):
    """Return shape, dtype and weak type of every leaf, with the structure."""
    leaves, structure = jax.tree.flatten(tree)
    traced = jax.ShapeDtypeStruct
    types = [leaf if isinstance(leaf, traced) else jax.typeof(leaf) for leaf in leaves]
    return structure, [(aval.shape, aval.dtype, aval.weak_type) for aval in types]


def train_step(tx):
    def step(params, opt_state, value):
        grads = jax.tree.map(lambda leaf: leaf + 0.125, params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    return step


def run(step, params, opt_state, values=LOSSES):
    path = []
    for value in values:
        params, opt_state = step(params, opt_state, jnp.float32(value))
        path.append(params)
    return path, opt_state


def spell(event):
    return event.first_step, event.last_step, event.condition, event.action


def assert_same(left, right, rtol=0.0):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-7), left, right)


NOT_IN_THE_TABLE = {
    "aware_adam": "is `aware` around `scale_by_adam`; tests/transforms/test_aliases.py",
    "aware_adamw": "is `aware` around a chain; tests/transforms/test_aliases.py",
    "aware_sgd": "is `aware` around `trace` or `identity`; tests/transforms/test_aliases.py",
    "layerwise": "has neither policy nor state; it is inside of `aware with everything`",
}
"""Public transforms that no row is for, and why."""


def test_every_public_transform_is_in_the_table():
    made = (optax.GradientTransformationExtraArgs, optax.schedules.StatefulSchedule)
    public = {name: getattr(oa, name) for name in oa.__all__}
    transforms = {
        name
        for name, function in public.items()
        if inspect.isfunction(function)
        and inspect.signature(function, eval_str=True).return_annotation in made
    }
    assert transforms >= NOT_IN_THE_TABLE.keys()
    assert transforms - NOT_IN_THE_TABLE.keys() == set(TRANSFORMS) - {"aware with everything"}


@all_cases
def test_one_trace_and_scan_and_a_state_that_keeps_its_form(case):
    tx = make(case)
    traces = []

    def counted(params, opt_state, value):
        traces.append(None)
        return train_step(tx)(params, opt_state, value)

    params = parameters()
    opt_state = tx.init(params)
    form = avals(opt_state)
    assert not any(weak for _, _, weak in form[1])
    assert {dtype.name for _, dtype, _ in form[1]} <= {"float32", "int32"}
    path, after = run(jax.jit(counted), params, opt_state)
    assert len(traces) == 1
    assert avals(after) == form
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(path[-1]))
    assert not any(np.any(np.isnan(leaf)) for leaf in jax.tree.leaves((opt_state, after)))

    def scanned(carry, value):
        params, opt_state = train_step(tx)(*carry, value)
        return (params, opt_state), params

    (_, scanned_state), scanned_path = jax.lax.scan(
        scanned, (params, opt_state), jnp.asarray(LOSSES, jnp.float32)
    )
    assert_same(jax.tree.map(lambda *leaves: jnp.stack(leaves), *path), scanned_path, rtol=1e-6)
    assert avals(scanned_state) == form
    told = [{spell(event) for event in oa.events(state)} for state in (after, scanned_state)]
    assert told[0] == told[1]
    assert {(5, 5, "nonfinite", "skipped"), (10, 10, "nonfinite", "skipped")} <= told[0]


@one_of_each
def test_eager_does_what_jit_does(case):
    tx = make(case)
    params = parameters()
    eager, _ = run(train_step(tx), params, tx.init(params), LOSSES[:3])
    jitted, _ = run(jax.jit(train_step(tx)), params, tx.init(params), LOSSES[:3])
    assert_same(eager, jitted, rtol=1e-6)


@one_of_each
def test_vmap_is_a_loop(case):
    tx = make(case)
    members = 3
    batch = jax.tree.map(
        lambda leaf: jnp.stack([leaf * (member + 1) for member in range(members)]), parameters()
    )
    values = jnp.asarray([LOSSES, LOSSES[::-1], (1.0,) * len(LOSSES)], jnp.float32)

    def whole(params, values):
        def scanned(carry, value):
            return train_step(tx)(*carry, value), None

        return jax.lax.scan(scanned, (params, tx.init(params)), values)[0]

    def member_of(tree, member):
        return jax.tree.map(lambda leaf: leaf[member], tree)

    jitted = jax.jit(whole)
    swept, _ = jax.jit(jax.vmap(whole))(batch, values)
    for member in range(members):
        alone, _ = jitted(member_of(batch, member), values[member])
        assert_same(member_of(swept, member), alone, rtol=1e-6)


@one_of_each
def test_donation_and_no_alias_of_the_parameters(case):
    tx = make(case)
    params = parameters()
    opt_state = tx.init(params)
    step = jax.jit(train_step(tx), donate_argnums=(0, 1))
    kept = jax.jit(train_step(tx))(params, opt_state, jnp.float32(1.0))[0]
    donated, opt_state = step(params, opt_state, jnp.float32(1.0))
    assert_same(kept, donated)
    step(donated, opt_state, jnp.float32(1.0))


TREES = {
    "float16": {"w": jnp.ones((2, 2), jnp.float16)},
    "bfloat16": {"w": jnp.ones((2, 2), jnp.bfloat16)},
    "mixed": {"a": jnp.ones(3, jnp.bfloat16), "b": [jnp.ones(()), jnp.ones(2, jnp.float16)]},
    "empty leaf": {"w": jnp.ones((0, 3)), "b": jnp.ones(2)},
    "no leaves": {},
    "none": {"w": jnp.ones(2), "missing": None},
    "scalar": jnp.float32(2.0),
    "tuple": (jnp.ones(2), (jnp.ones(()),)),
}


@pytest.mark.parametrize("tree", TREES)
@one_of_each
def test_any_tree_of_parameters(case, tree):
    tx = make(case)
    params = TREES[tree]
    if tree == "no leaves" and case[0] == "as_learning_rate":
        pytest.skip("inject_hyperparams needs at least one parameter to choose a dtype")
    opt_state = tx.init(params)
    updates, after = jax.eval_shape(
        lambda grads, opt_state: tx.update(grads, opt_state, params, value=1.0), params, opt_state
    )
    assert avals(after) == avals(opt_state)
    assert avals(updates)[0] == avals(params)[0]
    if case[0] != "as_learning_rate":  # its updates are made, and widened, by optax.sgd
        assert [aval[:2] for aval in avals(updates)[1]] == [aval[:2] for aval in avals(params)[1]]


@pytest.mark.parametrize("transform", ["scale_by_policy", "aware"])
def test_integer_parameters_are_left_alone(transform):
    policy = oa.policies.reduce_on_plateau()
    tx = {
        "scale_by_policy": oa.scale_by_policy(policy),
        "aware": oa.aware(optax.identity(), policy, learning_rate=0.1),
    }[transform]
    params = {"table": jnp.arange(3), "w": jnp.ones(2)}
    opt_state = tx.init(params)
    zero = {"table": jnp.zeros(3, jnp.int32), "w": jnp.ones(2)}
    nothing = {"table": np.zeros(3, jax.dtypes.float0), "w": jnp.ones(2)}
    updates, opt_state = tx.update(zero, opt_state, params, value=1.0)
    after = optax.apply_updates(params, updates)
    np.testing.assert_array_equal(after["table"], params["table"])
    assert after["table"].dtype == params["table"].dtype
    updates, _ = tx.update(nothing, opt_state, params, value=1.0)
    assert updates["table"].dtype == jax.dtypes.float0


WRAPPERS = {
    "chain": lambda tx: optax.chain(optax.clip(1.0), tx),
    "named_chain": lambda tx: optax.named_chain(("clip", optax.clip(1.0)), ("ours", tx)),
    "masked": lambda tx: optax.masked(tx, {"kernel": True, "bias": False}),
    "partition": lambda tx: optax.partition(
        {"train": tx, "freeze": optax.set_to_zero()}, {"kernel": "train", "bias": "freeze"}
    ),
    "apply_if_finite": lambda tx: optax.apply_if_finite(tx, 3),
    "flatten": optax.flatten,
    "conditionally_transform": lambda tx: optax.conditionally_transform(tx, lambda step: step >= 0),
    "MultiSteps": lambda tx: optax.MultiSteps(tx, 2),
    "nested": lambda tx: optax.chain(optax.masked(optax.chain(tx), {"kernel": True, "bias": True})),
}


WRAPPED = [
    (case, wrapper)
    for case in ONE_OF_EACH
    for wrapper in WRAPPERS
    if case[0] != "accumulate" or wrapper == "nested"  # the others find the same state elsewhere
]


@pytest.mark.parametrize(
    ("case", "wrapper"), WRAPPED, ids=[f"{name(case)}-{wrapper}" for case, wrapper in WRAPPED]
)
def test_inside_the_wrappers_of_optax(case, wrapper):
    params = parameters()
    inside, outside = make(case), WRAPPERS[wrapper](make(case))
    form = avals(outside.init(params))
    path, after = run(jax.jit(train_step(outside)), params, outside.init(params), LOSSES[:4])
    assert avals(after) == form
    seen = oa.report(after)
    if case[0] == "accumulate":  # its policy makes the batch larger, and has no rate
        with pytest.raises(ValueError, match="that of accumulate alone"):
            oa.set_learning_rate(after, 0.125)
    else:
        assert oa.learning_rate(oa.set_learning_rate(after, 0.125)) == 0.125
    if wrapper == "MultiSteps":
        assert seen.step == 2
        assert_same(path[0], params)
        return
    assert seen.step == 4
    alone, alone_state = run(jax.jit(train_step(inside)), params, inside.init(params), LOSSES[:4])
    if wrapper not in ("masked", "partition", "chain", "named_chain", "apply_if_finite"):
        assert_same(path, alone, rtol=1e-6)
    assert_same(seen.scale, oa.report(alone_state).scale)
    assert [*map(spell, oa.events(after))] == [*map(spell, oa.events(alone_state))]


def test_inside_inject_hyperparams():
    tx = optax.inject_hyperparams(
        lambda learning_rate: oa.aware(
            optax.scale_by_adam(), oa.policies.reduce_on_plateau(), learning_rate=learning_rate
        )
    )(learning_rate=oa.schedules.cosine(0.1, 4))
    params = parameters()
    _, opt_state = run(jax.jit(train_step(tx)), params, tx.init(params), LOSSES[:3])
    expected = oa.schedules.cosine(0.1, 4)(2)
    np.testing.assert_allclose(oa.report(opt_state).learning_rate, expected, rtol=1e-6)


def test_every_number_of_a_policy_may_be_injected():
    numbers = {"factor": 0.5, "rtol": 0.25, "atol": 0.0, "min_scale": 0.1}

    def make_plateau(factor, rtol, atol, min_scale):
        return oa.scale_by_policy(
            oa.policies.reduce_on_plateau(factor, 0, rtol, atol, min_scale=min_scale)
        )

    params = parameters()
    injected = optax.inject_hyperparams(make_plateau)(**numbers)
    known = make_plateau(**numbers)
    for tx in (injected, known):
        _, opt_state = run(jax.jit(train_step(tx)), params, tx.init(params), LOSSES[:4])
        assert oa.report(opt_state).scale == 0.125


@one_of_each
def test_unknown_keywords_are_ignored(case):
    tx = make(case)
    params = parameters()
    opt_state = tx.init(params)
    known, _ = tx.update(params, opt_state, params, value=1.0)
    unknown, _ = tx.update(params, opt_state, params, value=1.0, temperature=3.0, note="hello")
    assert_same(known, unknown)


@one_of_each
def test_resumes_bit_identically_from_a_flattened_state(case):
    tx = make(case)
    params = parameters()
    step = jax.jit(train_step(tx))
    whole, _ = run(step, params, tx.init(params))
    half, opt_state = run(step, params, tx.init(params), LOSSES[:6])
    saved = [np.array(leaf) for leaf in jax.tree.leaves(opt_state)]
    fresh = jax.tree.structure(tx.init(params))
    restored = jax.tree.unflatten(fresh, [jnp.asarray(leaf) for leaf in saved])
    rest, _ = run(step, half[-1], restored, LOSSES[6:])
    jax.tree.map(np.testing.assert_array_equal, whole[6:], rest)


VALUES = {
    "python float": 0.5,
    "python int": 1,
    "numpy": np.float64(0.5),
    "int32": jnp.int32(1),
    "bfloat16": jnp.bfloat16(0.5),
    "float16": jnp.float16(0.5),
    "shape ()": jnp.ones(()),
}


@pytest.mark.parametrize("value", VALUES)
@one_of_each
def test_values_that_are_read(case, value):
    tx = make(case)
    params = parameters()
    opt_state = tx.init(params)
    _, after = jax.eval_shape(
        lambda opt_state: tx.update(params, opt_state, params, value=VALUES[value]), opt_state
    )
    assert avals(after) == avals(opt_state)


WRONG_VALUES = {
    "missing": ({}, TypeError, r"tx\.update\(grads, opt_state, params, value=loss\)"),
    "none": ({"value": None}, TypeError, r"tx\.update\(grads, opt_state, params, value=loss\)"),
    "shape (1,)": ({"value": jnp.ones(1)}, ValueError, r"scalar.*\(1,\).*value=loss\.mean\(\)"),
    "shape (B,)": ({"value": jnp.ones(8)}, ValueError, r"scalar.*\(8,\).*value=loss\.mean\(\)"),
    "complex": ({"value": jnp.complex64(1)}, TypeError, "real number.*complex64"),
    "bool": ({"value": jnp.bool_(True)}, TypeError, "real number.*bool"),
    "with aux": ({"value": (1.0, {})}, TypeError, "got a tuple. With has_aux=True"),
    "text": ({"value": "low"}, TypeError, "value.*'low'"),
    "validation": (
        {"value": 1.0, "validation_value": jnp.ones(3)},
        ValueError,
        r"validation_value must be a scalar.*\(3,\)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_VALUES)
@pytest.mark.parametrize("jitted", [False, True])
@one_of_each
def test_values_that_are_refused(case, wrong, jitted):
    tx = make(case)
    params = parameters()
    opt_state = tx.init(params)
    keywords, error, message = WRONG_VALUES[wrong]
    step = lambda opt_state: tx.update(params, opt_state, params, **keywords)  # noqa: E731
    with pytest.raises(error, match=message):
        (jax.jit(step) if jitted else step)(opt_state)


@all_cases
@pytest.mark.parametrize("width", ["float32", "float64"])
def test_double_precision_changes_neither_states_nor_the_dtype_of_updates(case, width):
    with jax.enable_x64(True):
        tx = make(case)
        params = {"w": jnp.ones(3, width)}
        opt_state = tx.init(params)
        updates, after = jax.eval_shape(
            lambda grads, opt_state: tx.update(
                grads, opt_state, params, value=jnp.ones((), "float64")
            ),
            params,
            opt_state,
        )
        assert avals(after) == avals(opt_state)
        assert updates["w"].dtype == width
        if width == "float32":
            assert {dtype.name for _, dtype, _ in avals(after)[1]} <= {"float32", "int32"}
