"""A training step lowers to TPU, CUDA and CPU alike: neither host callbacks nor 64 bits in it."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import export

import optax_aware as oa
from tests.conformance.table import ONE_OF_EACH, make
from tests.distributed.training import QUICKLY
from tests.policies.table import POLICIES

PLATFORMS = ("tpu", "cuda", "cpu")

AWARE = {
    "everything": lambda: oa.aware(optax.scale_by_adam()),
    "no rewind": lambda: oa.aware(optax.scale_by_adam(), rewind=False),
    "no average": lambda: oa.aware(optax.trace(0.9), average=False, total_steps=100),
    "neither": lambda: oa.aware(optax.scale_by_adam(), rewind=False, average=False),
    "accumulate": lambda: oa.accumulate(oa.aware(optax.scale_by_adam()), 2),
}
POLICY = {
    name: lambda policy=policy: oa.aware(optax.trace(0.9), policy(), learning_rate=0.1)
    for name, policy in POLICIES.items()
    if name != "condition_based"
}
TRANSFORM = {" of ".join(case): lambda case=case: make(case) for case in ONE_OF_EACH}
CASES = {**AWARE, **POLICY, **TRANSFORM}
SLOWER = {
    "no rewind",
    "no average",
    "loss_ratio",
    "ratio_based",
    "robust_ratio",
    "aware of reduce_on_plateau",
}
"""What differs in little from others; the other cases are in every run of the tests."""


def start():
    """LeNet in small: a convolution, pooling, a dense layer; the parameters of one in bfloat16."""
    random = np.random.default_rng(0)
    return {
        "convolution": jnp.asarray(random.normal(0.0, 0.3, (3, 3, 1, 4)), jnp.float32),
        "dense": jnp.asarray(random.normal(0.0, 0.3, (36, 3)), jnp.bfloat16),
        "bias": jnp.zeros(3),
    }


def batch():
    random = np.random.default_rng(1)
    images = random.normal(size=(8, 8, 8, 1)).astype(np.float32)
    return images, np.arange(8, dtype=np.int32) % 3


def loss_fn(params, images, labels):
    dimensions = ("NHWC", "HWIO", "NHWC")
    seen = jax.lax.conv_general_dilated(
        images, params["convolution"], (1, 1), "VALID", dimension_numbers=dimensions
    )
    seen = jax.lax.reduce_window(seen, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    seen = jax.nn.relu(seen).reshape(len(images), -1)
    logits = seen @ params["dense"].astype(jnp.float32) + params["bias"]
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def training_step(tx):
    def step(params, opt_state, images, labels):
        value, grads = jax.value_and_grad(loss_fn)(params, images, labels)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state, oa.report(opt_state)

    return step


def exported(tx):
    params = start()
    opt_state = jax.jit(tx.init)(params)
    step = jax.jit(training_step(tx))
    lowered = export.export(step, platforms=PLATFORMS)(params, opt_state, *batch())
    return lowered, (params, opt_state)


def forbidden(text: str) -> list[str]:
    """What must not be in a program: what calls the host, and arrays of 64 bits a number."""
    calls = re.findall(
        r"custom_call[^\n]{0,80}|infeed|outfeed|stablehlo\.send|stablehlo\.recv", text
    )
    return calls + re.findall(r"tensor<(?:[0-9?]+x)*(?:f64|complex<f64>|u?i64)>", text)


def test_what_is_forbidden_would_be_found():
    def step(params):
        jax.debug.print("{}", params)
        return params

    with jax.enable_x64(True):
        text = jax.jit(step).lower(np.arange(3)).as_text()
    assert any("callback" in found for found in forbidden(text))
    assert "tensor<3xi64>" in forbidden(text)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in SLOWER else ()) for name in CASES]
)
def test_a_training_step_lowers_to_every_platform(name):
    lowered, _ = exported(CASES[name]())
    assert lowered.platforms == PLATFORMS
    assert not lowered.ordered_effects
    assert not lowered.unordered_effects
    text = lowered.mlir_module()
    assert len(text) > 10_000
    assert forbidden(text) == []
    assert {aval.dtype.itemsize for aval in (*lowered.in_avals, *lowered.out_avals)} <= {2, 4}


def test_an_export_that_was_stored_does_the_same():
    pytest.importorskip("flatbuffers", reason="jax.export stores with flatbuffers")
    tx = AWARE["everything"]()
    params = start()
    # What is stored knows of no NamedTuples, neither ours nor those of optax: leaves go in.
    leaves, structure = jax.tree.flatten((params, jax.jit(tx.init)(params)))

    @jax.jit
    def step(leaves, images, labels):
        *carry, report = training_step(tx)(*structure.unflatten(leaves), images, labels)
        return jax.tree.leaves(carry), report.learning_rate

    stored = export.export(step, platforms=PLATFORMS)(leaves, *batch()).serialize()
    direct = step.lower(leaves, *batch()).compile(QUICKLY)
    restored = jax.jit(export.deserialize(stored).call).lower(leaves, *batch()).compile(QUICKLY)
    expected, seen = leaves, leaves
    for _ in range(6):
        expected, rate = direct(expected, *batch())
        seen, same_rate = restored(seen, *batch())
        # A program for several platforms is another one to the compiler, and rounds otherwise.
        same = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
        jax.tree.map(same, (seen, same_rate), (expected, rate))
    assert rate > 0.0
