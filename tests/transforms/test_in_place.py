"""An update works in place: XLA copies large arrays where a snapshot needs it, else not."""

import re

import jax
import jax.numpy as jnp
import optax
import pytest

import optax_aware as oa

LEAVES, SIZE = 3, 50_000
COPY = re.compile(rf"= f32\[{SIZE}\]\S* copy\(")
BRANCHES = re.compile(r"branch_computations=\{%?([\w.\-]+), %?([\w.\-]+)\}")


def computations(program):
    """The text of each computation of a compiled program by its name, and of the main one."""
    texts = {}
    for text in program.split("\n\n"):
        opened = re.match(r"\s*(ENTRY )?%?([\w.\-]+) \(", text)
        if opened:
            texts["main" if opened[1] else opened[2]] = text
    return texts


def compiled(tx):
    params = {
        f"layer{place}": jax.ShapeDtypeStruct((SIZE,), jnp.float32) for place in range(LEAVES)
    }

    def step(params, opt_state, gradients):
        value = jnp.mean(params["layer0"][:100] ** 2)
        updates, opt_state = tx.update(gradients, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    opt_state = jax.eval_shape(tx.init, params)
    lowered = jax.jit(step, donate_argnums=(0, 1)).lower(params, opt_state, params)
    return computations(lowered.compile().as_text())


@pytest.mark.parametrize("options", [{"rewind": False, "average": False}, {}], ids=str)
def test_a_common_step_copies_nothing(options):
    texts = compiled(oa.aware(optax.scale_by_adam(), **options))
    assert not COPY.findall(texts["main"])
    # A snapshot is copied in one branch, and what is held in another; across from them nothing is.
    copied = [
        [len(COPY.findall(texts[branch])) for branch in branches]
        for branches in BRANCHES.findall(texts["main"])
    ]
    assert any(map(any, copied))
    assert not any(map(all, copied)), copied


def test_such_copies_are_found():
    def other_way_round(updates, state, params=None, *, value):
        finite = jnp.isfinite(value)
        step = optax.scale_by_adam().update

        def hold():
            return jax.tree.map(jnp.zeros_like, updates), state

        return jax.lax.cond(~finite, hold, lambda: step(updates, state, params))

    tx = optax.GradientTransformationExtraArgs(optax.scale_by_adam().init, other_way_round)
    assert COPY.findall(compiled(tx)["main"])
