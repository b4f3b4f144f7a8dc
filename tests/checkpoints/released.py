"""Checkpoints that a release leaves behind: every later one loads them and goes on alike.

``python -m tests.checkpoints.released`` writes those of this release, once.
"""

import gzip
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization

from tests.checkpoints import interrupted
from tests.conformance.table import CASES, LOSSES, ONE_OF_EACH, make

FOLDER = Path(__file__).parent / "released"
SAVED_AFTER = 6
"""Of the losses of the conformance tests: the last one seen is not finite."""
FINDING = "aware-condition_based"
FOUND_AFTER, GOES_ON = 90, 10
"""When the run of `interrupted` is saved, past its first faults, and how many steps follow."""
PLAIN = [case for case in CASES if case[0] == "scale_by_policy"]
SAVED = {"-".join(case): case for case in dict.fromkeys([*ONE_OF_EACH, *PLAIN])}
"""Every transform with one policy, and every policy that observes the loss alone."""


def fresh(name):
    """What is saved, as it is before the first step."""
    if name == FINDING:
        return interrupted.fresh()
    params = jnp.asarray([1.0, -2.0, 3.0])
    return {"params": params, "opt_state": make(SAVED[name]).init(params)}


def train(name, saved, first, last):
    """What there is after each step from ``first`` to before ``last``."""
    if name == FINDING:
        step, _ = interrupted.make_step()
        inputs = interrupted.stream()
    else:
        tx = make(SAVED[name])

        @jax.jit
        def step(saved, value):
            params = saved["params"]
            updates, opt_state = tx.update(params, saved["opt_state"], params, value=value)
            return {"params": optax.apply_updates(params, updates), "opt_state": opt_state}

        inputs = [(jnp.float32(value),) for value in LOSSES]
    kept = []
    for batch in inputs[first:last]:
        saved = step(saved, *batch)
        kept.append(saved)
    return kept


def span(name):
    """After how many steps a run is saved, and how many of it are made in all."""
    if name == FINDING:
        return FOUND_AFTER, FOUND_AFTER + GOES_ON
    return SAVED_AFTER, len(LOSSES)


def parameters(kept):
    """The parameters after each step: one row a step."""
    return np.stack(
        [np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(k["params"])]) for k in kept]
    )


def completed(saved, fresh):
    """What was saved, with the fields that are new since as `init` makes them."""
    if not isinstance(fresh, dict):
        return saved
    return {
        name: completed(saved[name], new) if name in saved else new for name, new in fresh.items()
    }


def load(saved, fresh):
    """What was saved by an older release, in the form that ``fresh`` has in this one."""
    return serialization.from_state_dict(
        fresh, completed(saved, serialization.to_state_dict(fresh))
    )


def read(path):
    return serialization.msgpack_restore(gzip.decompress(path.read_bytes()))


def write(path):
    """Save every run in its middle, with the parameters that follow."""
    content = {}
    for name in (FINDING, *SAVED):
        middle, end = span(name)
        kept = train(name, fresh(name), 0, end)
        content[name] = {
            "saved": serialization.to_state_dict(jax.tree.map(np.asarray, kept[middle - 1])),
            "then": parameters(kept[middle:]),
        }
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(serialization.msgpack_serialize(content), mtime=0))


if __name__ == "__main__":
    target = FOLDER / f"{version('optax-aware')}.msgpack.gz"
    if target.exists():
        raise SystemExit(f"{target.name} is written already: a release keeps what it has left.")
    write(target)
