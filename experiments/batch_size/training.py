"""Trains all seeds of one way of training at once, over micro-batches of eight images."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.batch_size.arms import Arm
from experiments.batches import batch_indices
from experiments.data.dataset import Dataset
from experiments.models import mlp

MICRO_BATCH = 8
WRONG_LABELS = 0.2
VALIDATION_EVERY = 5
HIDDEN = (32,)


class Images(NamedTuple):
    """Pixels in [0, 1] and labels."""

    pixels: jax.Array
    labels: jax.Array


class Split(NamedTuple):
    """Images to train on, others that a policy listens to, and others to judge by."""

    train: Images
    validation: Images
    held_out: Images


class Curves(NamedTuple):
    """What was measured after each epoch, of shape (seeds, epochs) once all is done.

    Attributes:
      updates: updates so far.
      batch_size: images of the update that is being prepared.
      learning_rate: the rate of the last update.
      validation_loss: over images with wrong labels among them, as in training.
      held_out_loss: over images that nothing was decided by.
      held_out_accuracy: over the same images.
    """

    updates: Any
    batch_size: Any
    learning_rate: Any
    validation_loss: Any
    held_out_loss: Any
    held_out_accuracy: Any


def split(dataset: Dataset) -> Split:
    """Take every fifth training image for validation, and make a fifth of the labels wrong."""
    generator = np.random.default_rng(0)
    labels = dataset.train_labels.copy()
    wrong = generator.random(len(labels)) < WRONG_LABELS
    labels[wrong] = (labels[wrong] + generator.integers(1, dataset.classes, wrong.sum())) % (
        dataset.classes
    )
    kept = np.arange(len(labels)) % VALIDATION_EVERY == VALIDATION_EVERY - 1

    def images(pixels: np.ndarray, labels: np.ndarray) -> Images:
        return Images(jnp.asarray(pixels / np.float32(dataset.brightest)), jnp.asarray(labels))

    return Split(
        images(dataset.train_images[~kept], labels[~kept]),
        images(dataset.train_images[kept], labels[kept]),
        images(dataset.held_out_images, dataset.held_out_labels),
    )


def micro_batches_per_epoch(data: Split) -> int:
    """How many micro-batches go through all images once."""
    return -(-len(data.train.labels) // MICRO_BATCH)


def train(arm: Arm, data: Split, seeds: int, epochs: int) -> Curves:
    """Train with the seeds 0, 1, ... and measure after each epoch."""
    per_epoch = micro_batches_per_epoch(data)
    pixels = int(np.prod(data.train.pixels.shape[1:]))
    model = mlp(pixels, HIDDEN, 10)
    transformation = arm.make(epochs * per_epoch)

    def losses(params, images: Images) -> tuple[jax.Array, jax.Array]:
        logits = model.apply(params, images.pixels)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, images.labels).mean()
        return loss, jnp.mean(jnp.argmax(logits, axis=-1) == images.labels)

    def step(carry, fed):
        params, opt_state = carry
        chosen, validation_loss = fed
        images = Images(data.train.pixels[chosen], data.train.labels[chosen])
        (value, _), grads = jax.value_and_grad(losses, has_aux=True)(params, images)
        changes, opt_state = transformation.update(
            grads, opt_state, params, value=value, validation_value=validation_loss
        )
        return (optax.apply_updates(params, changes), opt_state), None

    def epoch(carry, chosen):
        fresh = jnp.full(per_epoch, jnp.nan).at[0].set(losses(carry[0], data.validation)[0])
        (params, opt_state), _ = jax.lax.scan(step, carry, (chosen, fresh))
        rate, length, updates = arm.read(opt_state)
        held_out_loss, held_out_accuracy = losses(params, data.held_out)
        measured = Curves(
            updates=updates,
            batch_size=length * MICRO_BATCH,
            learning_rate=rate,
            validation_loss=losses(params, data.validation)[0],
            held_out_loss=held_out_loss,
            held_out_accuracy=held_out_accuracy,
        )
        return (params, opt_state), measured

    def run(params, chosen):
        return jax.lax.scan(epoch, (params, transformation.init(params)), chosen)[1]

    fresh = [model.init(seed) for seed in range(seeds)]
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *fresh)
    chosen = [
        batch_indices(seed, 0, epochs * per_epoch, len(data.train.labels), MICRO_BATCH)
        for seed in range(seeds)
    ]
    chosen = np.stack(chosen).reshape(seeds, epochs, per_epoch, MICRO_BATCH)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(run))(params, chosen))
