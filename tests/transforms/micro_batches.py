"""An inner optimizer that remembers what it is shown, and runs over given micro-batches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax


class RecorderState(NamedTuple):
    recorder_calls: jax.Array
    recorder_value: jax.Array
    recorder_validation: jax.Array


def recorder():
    """Return an inner optimizer that hands gradients on and remembers the losses it is shown."""

    def init(params):
        del params
        return RecorderState(jnp.int32(0), jnp.float32(-1.0), jnp.float32(-1.0))

    def update(updates, state, params=None, *, value, validation_value=-1.0, **extra_args):
        del params, extra_args
        return updates, RecorderState(
            state.recorder_calls + 1,
            jnp.asarray(value, jnp.float32),
            jnp.asarray(validation_value, jnp.float32),
        )

    return optax.GradientTransformationExtraArgs(init, update)


def scanned(tx, params, gradients, values, **keywords):
    """Return updates and states of a run on given gradients, micro-batch by micro-batch."""

    def step(opt_state, batch):
        grads, value, extra = batch
        updates, opt_state = tx.update(grads, opt_state, params, value=value, **extra)
        return opt_state, (updates, opt_state)

    batches = (gradients, jnp.asarray(values, jnp.float32), keywords)
    run = jax.jit(lambda opt_state: jax.lax.scan(step, opt_state, batches))
    return run(tx.init(params))[1]
