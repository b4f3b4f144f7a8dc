"""Trains many disturbed runs of one contender at once: one program, and one for each dtype."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa
from experiments.batches import batch_indices
from experiments.data.dataset import Dataset
from experiments.faults.catalogue import LONG, Disturbance, Fault
from experiments.models import mlp

BATCH = 16
HIDDEN = (16,)
AT_ONCE = 32
"""Runs in one program; the last block is filled up with runs that nobody looks at."""


class Run(NamedTuple):
    """One run to be made: under which fault, with which seed, struck in which way."""

    fault: Fault
    seed: int
    number: int


class Outcome(NamedTuple):
    """How runs ended, as arrays over runs.

    Attributes:
      finite: whether every parameter, and every one to evaluate, is finite at the end.
      start_loss: held out, before the first update.
      end_loss: held out, at the end, of the parameters to evaluate.
    """

    finite: np.ndarray
    start_loss: np.ndarray
    end_loss: np.ndarray


def runs_of(fault: Fault, seeds: int, steps: int) -> list[Run]:
    """The runs of one fault: one for each step to be struck, or for each seed."""
    numbers = range(steps) if fault.everywhere else range(seeds)
    return [Run(fault, number % seeds, number) for number in numbers]


class Trainer:
    """Trains one contender."""

    def __init__(self, make: Any, dataset: Dataset, steps: int, dtype: str = "float32"):
        self._transformation: optax.GradientTransformationExtraArgs = make()
        self._steps = steps
        self._dtype = jnp.dtype(dtype)
        bright = np.float32(dataset.brightest)
        self._train = (jnp.asarray(dataset.train_images / bright), dataset.train_labels)
        self._held_out = (jnp.asarray(dataset.held_out_images / bright), dataset.held_out_labels)
        pixels = int(np.prod(dataset.train_images.shape[1:]))
        self._model = mlp(pixels, HIDDEN, dataset.classes)
        self._init = jax.jit(jax.vmap(self._transformation.init))
        self._go_on = jax.jit(jax.vmap(self._chunk))
        self._judge = jax.jit(jax.vmap(self._judge_one))

    def train(self, runs: Sequence[Run]) -> Outcome:
        """Make runs of one length and one dtype."""
        blocks = [runs[start : start + AT_ONCE] for start in range(0, len(runs), AT_ONCE)]
        outcomes = [self._train_block(block) for block in blocks]
        return Outcome(*(np.concatenate(parts) for parts in zip(*outcomes, strict=True)))

    def _train_block(self, block: Sequence[Run]) -> Outcome:
        filled = [*block, *[block[-1]] * (AT_ONCE - len(block))]
        fresh = [self._model.init(run.seed) for run in filled]
        params = jax.tree.map(lambda *leaves: jnp.stack(leaves).astype(self._dtype), *fresh)
        opt_state = self._init(params)
        opt_state = _counting_from(opt_state, [run.fault.counts_from for run in filled])
        start_loss = self._judge(params, opt_state)[1]
        chunks = LONG if block[0].fault.long else 1
        struck = [run.fault.strike(chunks * self._steps, run.number) for run in filled]
        disturbances = jax.tree.map(lambda *fields: np.stack(fields), *struck)
        for chunk in range(chunks):
            first, last = chunk * self._steps, (chunk + 1) * self._steps
            chosen = [
                batch_indices(run.seed, first, last, len(self._train[1]), BATCH) for run in filled
            ]
            part = jax.tree.map(lambda field: field[:, first:last], disturbances)  # noqa: B023
            params, opt_state = self._go_on(params, opt_state, np.stack(chosen), part)
        finite, end_loss = self._judge(params, opt_state)
        kept = slice(0, len(block))
        return Outcome(*(np.asarray(field)[kept] for field in (finite, start_loss, end_loss)))

    def _chunk(self, params, opt_state, chosen, disturbances: Disturbance):
        def step(carry, fed):
            params, opt_state = carry
            batch, disturbance = fed
            images, labels = self._train[0][batch], jnp.asarray(self._train[1])[batch]
            value, grads = jax.value_and_grad(self._loss)(params, images, labels)
            value, grads = _disturb(value, grads, disturbance)
            updates, opt_state = self._transformation.update(grads, opt_state, params, value=value)
            return (optax.apply_updates(params, updates), opt_state), None

        return jax.lax.scan(step, (params, opt_state), (chosen, disturbances))[0]

    def _loss(self, params, images, labels) -> jax.Array:
        logits = self._model.apply(params, images.astype(self._dtype)).astype(jnp.float32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def _judge_one(self, params, opt_state) -> tuple[jax.Array, jax.Array]:
        answer = oa.eval_params(opt_state, params) if _is_ours(opt_state) else params
        leaves = [*jax.tree.leaves(params), *jax.tree.leaves(answer)]
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))
        images, labels = self._held_out
        wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), answer)
        logits = self._model.apply(wide, images)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(labels))
        return finite, loss.mean()


def _disturb(value, grads, disturbance: Disturbance):
    value = value * disturbance.value_factor + disturbance.value_shift
    wide = [leaf.astype(jnp.float32) for leaf in jax.tree.leaves(grads)]
    wide = [leaf * disturbance.gradient_factor + disturbance.gradient_shift for leaf in wide]
    wide[0] = wide[0].at[(0,) * wide[0].ndim].add(disturbance.coordinate_shift)
    disturbed = jax.tree.unflatten(jax.tree.structure(grads), wide)
    return value, jax.tree.map(lambda new, leaf: new.astype(leaf.dtype), disturbed, grads)


def _is_ours(opt_state) -> bool:
    return bool(optax.tree.get_all_with_path(opt_state, "aware_updates_seen"))


def _counting_from(opt_state, counts: Sequence[int]):
    """Set the counts of steps, ours and Adam's, as after so many steps."""
    first = jnp.asarray(counts, jnp.int32)
    names = [
        name
        for name in ("aware_updates_seen", "count")
        if optax.tree.get_all_with_path(opt_state, name)
    ]
    return optax.tree.set(opt_state, **dict.fromkeys(names, first))
