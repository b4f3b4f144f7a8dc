"""The ways of training: what falls or grows, and who says when."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

import optax_aware as oa
from experiments.configuration import LEARNING_RATE

RATE = LEARNING_RATE
FACTOR = 4
"""What the rate is divided by, or the batch multiplied with, at a time."""
LARGEST = 64
"""The largest batch over the smallest: 512 of 1154 images."""
PATIENCE = 2
"""Epochs without a better validation loss that the plateaus put up with."""

Transformation = optax.GradientTransformationExtraArgs
Seen = tuple[jax.Array, jax.Array, jax.Array]


class Arm(NamedTuple):
    """One way of training.

    Attributes:
      name: what it is called in tables.
      label: what it is called in figures.
      make: from the number of micro-batches of the run to a transformation.
      read: from the state to learning rate, micro-batches an update and updates so far.
    """

    name: str
    label: str
    make: Callable[[int], Transformation]
    read: Callable[[optax.OptState], Seen]


def _plateau() -> oa.Policy:
    """The same policy for rate and batch; it listens once an epoch."""
    return oa.policies.reduce_on_plateau(
        factor=1 / FACTOR,
        patience=PATIENCE,
        min_scale=1 / LARGEST,
        monitor="validation_value",
    )


def drops(micro_batches: int) -> list[int]:
    """The quarters of the run, in micro-batches."""
    return [micro_batches * quarter // 4 for quarter in (1, 2, 3)]


def growths(micro_batches: int) -> list[int]:
    """The same times in updates, of which there are fewer while the batch is larger."""
    starts = [0, *drops(micro_batches)]
    phases = [
        round((stop - start) / FACTOR**power)
        for power, (start, stop) in enumerate(itertools.pairwise(starts))
    ]
    return list(itertools.accumulate(phases))


def _rate(policy: oa.Policy, learning_rate: float | Callable = RATE) -> Transformation:
    return oa.aware(optax.identity(), policy, learning_rate=learning_rate, average=False)


def _falling(micro_batches: int) -> Transformation:
    schedule = oa.schedules.multi_step(RATE, drops(micro_batches), factor=1 / FACTOR)
    return _rate(oa.policies.constant(), schedule)


def _growing(micro_batches: int) -> Transformation:
    lengths = [float(FACTOR**power) for power in range(4)]
    every = oa.schedules.piecewise_constant(lengths, growths(micro_batches))
    return oa.accumulate(optax.sgd(RATE), every)


def _growing_by_policy(micro_batches: int) -> Transformation:
    del micro_batches
    return oa.accumulate(optax.sgd(RATE), 1, policy=_plateau(), max_length=LARGEST)


def _read_rate(opt_state: optax.OptState) -> Seen:
    report = oa.report(opt_state)
    return report.learning_rate, jnp.ones_like(report.step), report.step


def _read_batch(opt_state: optax.OptState) -> Seen:
    seen = oa.accumulation(opt_state)
    return jnp.full_like(seen.length, RATE, dtype=jnp.float32), seen.length, seen.updates


ARMS = (
    Arm("constant", "constant", lambda _: _rate(oa.policies.constant()), _read_rate),
    Arm("schedule_rate", "schedule: rate / 4", _falling, _read_rate),
    Arm("schedule_batch", "schedule: batch × 4", _growing, _read_batch),
    Arm("plateau_rate", "plateau: rate / 4", lambda _: _rate(_plateau()), _read_rate),
    Arm("plateau_batch", "plateau: batch × 4", _growing_by_policy, _read_batch),
)
