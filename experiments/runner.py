"""Trains one contender: all seeds at once, one compiled loop from evaluation to evaluation."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa
from experiments.batches import batch_indices
from experiments.configuration import Configuration
from experiments.data.dataset import Dataset
from experiments.history import History, empty_history
from experiments.models import Model
from experiments.placement import Placement

EVALUATION_BATCH = 250


class Progress(NamedTuple):
    """How far the training of one contender is: all that is needed to go on.

    Attributes:
      steps_done: updates made so far, a NumPy integer array of shape ().
      params: the parameters, each with a leading axis of seeds.
      opt_state: the state of the transformation, with the same axis.
      history: what was measured so far.
    """

    steps_done: np.ndarray
    params: Any
    opt_state: Any
    history: History


class _ChunkMetrics(NamedTuple):
    train_loss: jax.Array
    train_accuracy: jax.Array
    learning_rate: jax.Array
    condition: jax.Array


class Trainer:
    """Trains one model on one data set under any contender."""

    def __init__(
        self,
        configuration: Configuration,
        dataset: Dataset,
        model: Model,
        batch_size: int,
        placement: Placement | None = None,
    ):
        self._configuration = configuration
        self._model = model
        self._batch_size = batch_size
        self._placement = Placement() if placement is None else placement
        self._brightest = dataset.brightest
        self._train = self._placement.copied((dataset.train_images, dataset.train_labels))
        self._held_out = self._placement.copied((dataset.held_out_images, dataset.held_out_labels))
        self._evaluate_batch = jax.jit(jax.vmap(self._sums, in_axes=(0, None, None)))

    def start(self, transformation: optax.GradientTransformationExtraArgs) -> Progress:
        """Fresh parameters, the same for every contender with the same seed."""
        fresh = [self._model.init(seed) for seed in range(self._configuration.seeds)]
        params = self._placement.copied(jax.tree.map(lambda *leaves: jnp.stack(leaves), *fresh))
        init = jax.jit(jax.vmap(transformation.init), out_shardings=self._placement.everywhere)
        opt_state = init(params)
        return Progress(np.asarray(0), params, opt_state, empty_history(self._configuration))

    def train(
        self, transformation: optax.GradientTransformationExtraArgs, progress: Progress
    ) -> Iterator[Progress]:
        """Go on from ``progress``, whose arrays are used up, and yield after each evaluation."""
        run_chunk = self._compile(transformation)
        params, opt_state = self._placement.copied((progress.params, progress.opt_state))
        history = History(*(np.array(measured) for measured in progress.history))
        first = int(progress.steps_done)
        for position, last in enumerate(self._configuration.evaluations()):
            if last <= first:
                continue
            indices = np.stack(
                [
                    batch_indices(seed, first, last, len(self._train[0]), self._batch_size)
                    for seed in range(self._configuration.seeds)
                ]
            )
            params, opt_state, params_to_evaluate, metrics = run_chunk(
                params, opt_state, self._placement.split(indices), *self._train
            )
            loss, accuracy = self._evaluate(params_to_evaluate)
            history.train_loss[:, first:last] = metrics.train_loss
            history.learning_rate[:, first:last] = metrics.learning_rate
            history.condition[:, first:last] = metrics.condition
            history.train_accuracy[:, position] = np.mean(metrics.train_accuracy, axis=1)
            history.held_out_loss[:, position] = loss
            history.held_out_accuracy[:, position] = accuracy
            first = last
            yield Progress(np.asarray(last), params, opt_state, history)

    def _compile(self, transformation: optax.GradientTransformationExtraArgs) -> Callable:
        def run_chunk(params, opt_state, indices, images, labels):
            def step(carry, batch):
                params, opt_state = carry
                (value, accuracy), grads = jax.value_and_grad(self._loss, has_aux=True)(
                    params, images[batch], labels[batch]
                )
                updates, opt_state = transformation.update(grads, opt_state, params, value=value)
                seen = oa.report(opt_state)
                metrics = _ChunkMetrics(value, accuracy, seen.learning_rate, seen.condition)
                return (optax.apply_updates(params, updates), opt_state), metrics

            (params, opt_state), metrics = jax.lax.scan(step, (params, opt_state), indices)
            return params, opt_state, oa.eval_params(opt_state, params), metrics

        over_seeds = jax.vmap(run_chunk, in_axes=(0, 0, 0, None, None))
        return jax.jit(over_seeds, donate_argnums=(0, 1), out_shardings=self._placement.everywhere)

    def _loss(self, params, images, labels) -> tuple[jax.Array, jax.Array]:
        loss, correct = self._sums(params, images, labels)
        return loss / len(labels), correct / len(labels)

    def _sums(self, params, images, labels) -> tuple[jax.Array, jax.Array]:
        """The summed loss of some images and how many of them are classified correctly."""
        logits = self._model.apply(params, images.astype(jnp.float32) / self._brightest)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        correct = jnp.argmax(logits, axis=-1) == labels
        return jnp.sum(losses), jnp.sum(correct.astype(jnp.float32))

    def _evaluate(self, params) -> tuple[np.ndarray, np.ndarray]:
        """Loss and accuracy of each seed over all held-out images."""
        images, labels = self._held_out
        totals = np.zeros((2, self._configuration.seeds))
        for start in range(0, len(labels), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            totals += np.asarray(self._evaluate_batch(params, images[part], labels[part]))
        loss, accuracy = totals / len(labels)
        return loss, accuracy
