"""Checkpoints of `aware`: saved at any moment, restored in a new process, or refused."""

import functools
import pickle
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import nnx, serialization

import optax_aware as oa
from optax_aware import Condition
from tests.checkpoints import interrupted, released
from tests.conformance.table import CASES, make

ROOT = Path(__file__).parents[2]


@functools.cache
def whole_run():
    """What there is to keep after every step."""
    step, _ = interrupted.make_step()
    return interrupted.train(step, interrupted.fresh())


def moments():
    """By name, what there is to keep at each kind of moment of the run."""
    kept = whole_run()
    seen = [oa.report(saved["opt_state"]) for saved in kept]
    conditions = np.asarray([report.condition for report in seen])
    rewinds = np.flatnonzero(np.diff([int(report.rewound) for report in seen])) + 1
    ramp = np.flatnonzero(conditions == Condition.RAMPING)
    rewind = int(rewinds[0])
    steps = {
        "listening": int(np.flatnonzero(conditions == Condition.LISTENING)[1]),
        "ramping": int(ramp[len(ramp) // 2]),
        "before a rewind": rewind - 1,
        "after a rewind": rewind,
        "hold": 110,
        "cooldown": interrupted.STEPS - 30,
    }
    assert seen[steps["hold"]].scale > 0
    assert conditions[steps["hold"]] not in (Condition.LISTENING, Condition.RAMPING)
    assert conditions[steps["cooldown"]] == Condition.COOLING
    return {name: kept[step] for name, step in steps.items()}


def test_saved_at_any_moment_the_rest_is_bit_identical_in_a_new_process(tmp_path):
    interrupted.save_all(tmp_path, moments())
    command = [sys.executable, "-m", "tests.checkpoints.interrupted", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    found = pickle.loads((tmp_path / "ends.pickle").read_bytes())
    expected = interrupted.leaves(whole_run()[-1])
    # The new process has trained the whole run too: nothing hangs on the process.
    restored = [f"{name}.{form}" for name in moments() for form in interrupted.FORMATS]
    assert sorted(found["ends"]) == sorted([interrupted.WHOLE, *restored])
    for name, end in found["ends"].items():
        for mine, other in zip(expected, end, strict=True):
            np.testing.assert_array_equal(mine, other, err_msg=name)
            assert mine.dtype == other.dtype
    assert found["traces"] == 1


def test_model_and_optimizer_of_nnx_go_on_where_they_were_saved(tmp_path):
    inputs = jax.random.normal(jax.random.key(1), (20, 8, 3))

    def fresh():
        model = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
        return model, nnx.Optimizer(model, oa.aware(optax.scale_by_adam()), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x):
        loss, grads = nnx.value_and_grad(lambda m: jnp.mean((m(x) - x.sum(-1)) ** 2))(model)
        optimizer.update(model, grads, value=loss)
        return loss

    trained, restored = fresh(), fresh()
    for x in inputs[:12]:
        step(*trained, x)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "nnx", nnx.state(trained))
        checkpointer.wait_until_finished()
        nnx.update(restored, checkpointer.restore(tmp_path / "nnx", nnx.state(restored)))
    assert oa.report(restored[1].opt_state).step == 12
    for x in inputs[12:]:
        assert step(*trained, x) == step(*restored, x)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_flax_restores_every_state_in_the_form_that_it_had(case):
    tx = make(case)
    params = {"kernel": jnp.ones((2, 2)), "half": jnp.ones(3, jnp.bfloat16)}
    state = jax.tree.map(lambda leaf: leaf + 1, tx.init(params))
    restored = serialization.from_bytes(tx.init(params), serialization.to_bytes(state))
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for mine, other in zip(jax.tree.leaves(state), jax.tree.leaves(restored), strict=True):
        assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(mine, other)


OTHERS = {
    "another policy": (
        lambda: oa.aware(optax.scale_by_adam(), oa.policies.greedy()),
        ["condition_rate", "greedy_scale", "aware_policy_state"],
    ),
    "another inner optimizer": (lambda: oa.aware(optax.trace(0.9)), ["mu", "aware_inner_state"]),
    "a horizon, so no average": (
        lambda: oa.aware(optax.scale_by_adam(), total_steps=100),
        ["aware_average"],
    ),
    "no snapshots": (
        lambda: oa.aware(optax.scale_by_adam(), rewind=False),
        ["aware_snapshot"],
    ),
}
"""How a state may be restored wrongly, and what the error names."""


@pytest.fixture(scope="module")
def saved_by_orbax(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "state"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, oa.aware(optax.scale_by_adam()).init(jnp.ones(3)))
    return folder


def restore_into(target, form, saved_by_orbax):
    if form == "flax":
        state = oa.aware(optax.scale_by_adam()).init(jnp.ones(3))
        return serialization.from_bytes(target, serialization.to_bytes(state))
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(saved_by_orbax, target)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("form", interrupted.FORMATS)
def test_restored_under_something_else_the_error_names_what_differs(form, other, saved_by_orbax):
    make_other, named = OTHERS[other]
    target = make_other().init(jnp.ones(3))
    with pytest.raises(ValueError, match="do not match") as caught:
        restore_into(target, form, saved_by_orbax)
    missing = [name for name in named if not re.search(rf"\b{name}\b", str(caught.value))]
    assert not missing, str(caught.value)


HANDED_ON = {
    "another policy": (
        {"policy": oa.policies.greedy()},
        {"policy": oa.policies.reduce_on_plateau()},
        r"its policy has a GreedyState, now a ReduceOnPlateauState",
    ),
    "no snapshots": ({"rewind": False}, {}, r"rewind=False, now True"),
    "snapshots": ({}, {"rewind": False}, r"rewind=True, now False"),
    "no average": ({"average": False}, {}, r"average=False, now True"),
    "all of it": (
        {"policy": oa.policies.greedy(), "average": False},
        {},
        r"a GreedyState, now a ConditionBasedState; rewind=False, now True; average=False, now Tr",
    ),
}
"""What a state was made with, what it is handed to, and what is said: pickles carry any state."""


@pytest.mark.parametrize("made", HANDED_ON)
def test_a_state_made_with_other_arguments_is_refused(made):
    before, now, message = HANDED_ON[made]
    params = jnp.ones(3)
    state = oa.aware(optax.scale_by_adam(), **before).init(params)
    tx = oa.aware(optax.scale_by_adam(), **now)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda state: tx.update(params, state, params, value=1.0), state)


def test_a_number_of_a_policy_may_be_changed_in_the_middle_of_a_run():
    before = oa.scale_by_policy(oa.policies.reduce_on_plateau(factor=0.5, patience=0))
    after = oa.scale_by_policy(oa.policies.reduce_on_plateau(factor=0.25, patience=0))
    state = before.init(jnp.ones(3))
    for tx, scale in ((before, 1.0), (before, 0.5), (after, 0.125)):
        state = serialization.from_bytes(tx.init(jnp.ones(3)), serialization.to_bytes(state))
        _, state = jax.jit(tx.update)(jnp.ones(3), state, value=1.0)
        assert oa.report(state).scale == scale


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A state, as flax and orbax have kept it before two fields were added, and a fresh one."""
    tx = oa.aware(optax.scale_by_adam(), oa.policies.greedy(), learning_rate=0.1)
    state = jax.tree.map(lambda leaf: leaf + 1, tx.init(jnp.ones(3)))
    saved = serialization.to_state_dict(state)
    for older in (saved["aware_awareness"], saved["aware_awareness"]["aware_policy_state"]):
        del older[list(older)[-1]]
    folder = tmp_path_factory.mktemp("grown") / "state"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder, saved)
        checkpointer.wait_until_finished()
        by_orbax = checkpointer.restore(folder)
    return {"flax": saved, "orbax": by_orbax}, tx.init(jnp.ones(3))


@pytest.mark.parametrize("form", interrupted.FORMATS)
def test_a_state_that_has_grown_since_is_completed_from_a_fresh_one(form, grown):
    saved, target = grown
    with pytest.raises(ValueError, match="do not match"):
        serialization.from_state_dict(target, saved["flax"])
    restored = released.load(saved[form], target)
    assert jax.tree.structure(restored) == jax.tree.structure(target)
    assert restored.aware_awareness.aware_updates_seen == 1
    assert restored.aware_awareness.aware_nonfinite == 1
    assert restored.aware_awareness.aware_events.aware_event_total == 0
    np.testing.assert_array_equal(restored.aware_inner_state.mu, 1.0)


LEFT_BEHIND = [
    (path, name) for path in sorted(released.FOLDER.glob("*.gz")) for name in released.read(path)
]


def test_this_release_has_left_its_checkpoints():
    assert f"{version('optax-aware')}.msgpack.gz" in [path.name for path, _ in LEFT_BEHIND]


@pytest.mark.parametrize(
    ("path", "name"), LEFT_BEHIND, ids=[f"{path.name}-{name}" for path, name in LEFT_BEHIND]
)
def test_what_a_release_has_left_is_loaded_and_goes_on_alike(path, name):
    kept = released.read(path)[name]
    restored = released.load(kept["saved"], released.fresh(name))
    then = released.parameters(released.train(name, restored, *released.span(name)))
    np.testing.assert_allclose(then, kept["then"], rtol=1e-4, atol=1e-6)
