"""A short run of `aware` with its default policy in which everything happens: the rate is found and
rewound, a step is not finite, one is a spike, the data change, the rate cools down."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa

STEPS, EXAMPLES, INPUTS, OUTPUTS = 160, 32, 16, 4
BROKEN, SPIKE, CHANGE = 40, 50, 60
"""At BROKEN a single example is not a number: one device of several sees that."""

QUICKLY = {"xla_backend_optimization_level": 0}
"""Options of the compiler: a program that runs once is sooner compiled than made fast."""


class Batch(NamedTuple):
    """Minibatches, a row for each step, an example in the axis after it."""

    inputs: Any
    outputs: Any
    factor: Any


class Course(NamedTuple):
    """A row for each step: all there was before it, what came of it, what was decided."""

    before: Any
    params: Any
    opt_state: Any
    report: Any


def batches(seed: int = 4) -> Batch:
    """Return the minibatches of a run."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(STEPS, EXAMPLES, INPUTS))
    outputs = inputs @ random.normal(size=(INPUTS, OUTPUTS))
    outputs[CHANGE:] += 10.0 * inputs[CHANGE:].sum(axis=-1, keepdims=True)
    outputs += 0.3 * random.normal(size=outputs.shape)
    factor = np.ones((STEPS, EXAMPLES))
    factor[BROKEN, 5], factor[SPIKE] = np.nan, 1e3
    return Batch(*(np.float32(column) for column in (inputs, outputs, factor)))


def start() -> dict[str, jax.Array]:
    """Return the first parameters."""
    return {"b": jnp.zeros(OUTPUTS), "w": jnp.zeros((INPUTS, OUTPUTS))}


def loss_fn(params, batch: Batch) -> jax.Array:
    """Return the mean squared error."""
    errors = batch.inputs @ params["w"] + params["b"] - batch.outputs
    return jnp.mean(batch.factor * jnp.sum(errors**2, axis=-1))


def transform(axis_name=None) -> optax.GradientTransformationExtraArgs:
    """Return what is tested, with all that it can do."""
    inner = optax.scale_by_adam()
    return oa.aware(inner, total_steps=STEPS, average=True, axis_name=axis_name)


def step(carry, batch: Batch, axis_name=None) -> tuple[Any, Course]:
    """Take one step."""
    params, opt_state = carry
    value, grads = jax.value_and_grad(loss_fn)(params, batch)
    if axis_name is not None:
        grads = jax.lax.pmean(grads, axis_name)
    updates, opt_state = transform(axis_name).update(grads, opt_state, params, value=value)
    params = optax.apply_updates(params, updates)
    return (params, opt_state), Course(carry, params, opt_state, oa.report(opt_state))


def run(params, stream: Batch, axis_name=None) -> Course:
    """Train from the first step to the last."""
    carry = (params, transform(axis_name).init(params))
    return jax.lax.scan(functools.partial(step, axis_name=axis_name), carry, stream)[1]
