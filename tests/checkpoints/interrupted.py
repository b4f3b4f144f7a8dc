"""A run of `aware` that is saved at many moments, and what goes on from there in a new process.

``python -m tests.checkpoints.interrupted FOLDER`` restores everything that `save_all` left in a
folder, trains each to the end, and leaves the ends beside it.
"""

import pickle
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import serialization

import optax_aware as oa

STEPS = 180
FORMATS = ("flax", "orbax")
WHOLE = "the whole run"


def optimizer():
    return oa.aware(
        optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-4)),
        total_steps=STEPS,
        average=True,
    )


def fresh():
    params = {"w": jnp.asarray([3.0, -2.0, 1.0, 4.0]), "b": jnp.float32(2.0)}
    return {"params": params, "opt_state": optimizer().init(params)}


def stream():
    """Noise, a spike, what is not finite, and a minimum that moves away."""
    random = np.random.default_rng(4)
    factor = np.ones(STEPS, np.float32)
    factor[[60, 61, 120]] = np.nan, np.inf, 1e3
    aim = np.where(np.arange(STEPS) < 80, 0.0, 20.0).astype(np.float32)
    noise = np.float32(0.2 * random.normal(size=(STEPS, 4)))
    return list(zip(noise, factor, aim, strict=True))


def make_step():
    tx, traces = optimizer(), []

    @jax.jit
    def step(saved, noise, factor, aim):
        traces.append(None)

        def loss_fn(params):
            return jnp.sum((params["w"] - aim - noise) ** 2) + params["b"] ** 2

        params = saved["params"]
        value, grads = jax.value_and_grad(loss_fn)(params)
        updates, opt_state = tx.update(grads, saved["opt_state"], params, value=factor * value)
        return {"params": optax.apply_updates(params, updates), "opt_state": opt_state}

    return step, traces


def train(step, saved):
    """What there is to keep after every step from where ``saved`` stands."""
    kept = []
    for batch in stream()[int(oa.report(saved["opt_state"]).step) :]:
        saved = step(saved, *batch)
        kept.append(saved)
    return kept


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def save_all(folder, moments):
    """Save each of some moments in every format."""
    with ocp.StandardCheckpointer() as checkpointer:
        for moment, saved in moments.items():
            (folder / f"{moment}.flax").write_bytes(serialization.to_bytes(saved))
            checkpointer.save(folder / f"{moment}.orbax", saved)


def restore(path):
    if path.suffix == ".flax":
        return serialization.from_bytes(fresh(), path.read_bytes())
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(path, fresh())


def finish_all(folder):
    step, traces = make_step()
    ends = {WHOLE: leaves(train(step, fresh())[-1])}
    for path in sorted(folder.iterdir()):
        ends[path.name] = leaves(train(step, restore(path))[-1])
    content = {"ends": ends, "traces": len(traces)}
    (folder / "ends.pickle").write_bytes(pickle.dumps(content))


if __name__ == "__main__":
    finish_all(Path(sys.argv[1]))
