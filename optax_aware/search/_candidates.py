"""Runs at several learning rates, trained at once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from optax_aware.search._batches import batch_at
from optax_aware.search._gradients import loss_and_gradients, moved
from optax_aware.search._programs import Programs
from optax_aware.transforms._finite import all_finite
from optax_aware.transforms._leaves import own

FAILURES_TO_STOP = 3
"""Steps in a row that are not finite after which a run is lost: one may be a bad batch."""


class Candidates(NamedTuple):
    """Runs that differ in their rate; the first axis of all is the run.

    Attributes:
      params: the parameters.
      inner_state: the states of the inner optimizer.
      rates: the rate, or what the schedule is made of, float32.
      failures: steps in a row that were not finite, int32.
      going: whether the run goes on; the others only fill a place, bool.
    """

    params: Any
    inner_state: Any
    rates: jax.Array
    failures: jax.Array
    going: jax.Array


def start(
    params: optax.Params, inner: optax.GradientTransformation, rates: np.ndarray, width: int
) -> Candidates:
    """Return runs before their first step, filled up to ``width`` with the last of them."""
    filled = np.concatenate([rates, np.repeat(rates[-1:], width - len(rates))])

    def repeated(leaf) -> jax.Array:
        return jnp.repeat(own(leaf)[None], width, axis=0)

    return Candidates(
        params=jax.tree.map(repeated, params),
        inner_state=jax.tree.map(repeated, inner.init(params)),
        rates=jnp.asarray(filled, jnp.float32),
        failures=jnp.zeros(width, jnp.int32),
        going=jnp.arange(width) < len(rates),
    )


def kept(candidates: Candidates, places: np.ndarray, width: int) -> Candidates:
    """Return the runs at some places, filled up to ``width`` with the last of them."""
    chosen = np.concatenate([places, np.repeat(places[-1:], width - len(places))])
    less: Candidates = jax.tree.map(lambda leaf: leaf[chosen], candidates)
    return less._replace(going=jnp.arange(width) < len(places))


def spread(candidates: Candidates, devices: Sequence[Any]) -> Candidates:
    """Put the runs on as many of the devices as share them evenly."""
    width = len(candidates.rates)
    used = max(count for count in range(1, len(devices) + 1) if width % count == 0)
    mesh = Mesh(np.asarray(devices[:used]), ("candidate",))
    return jax.device_put(candidates, NamedSharding(mesh, PartitionSpec("candidate")))


def everywhere(tree: Any, candidates: Candidates) -> Any:
    """Put what all runs need on all of their devices."""
    sharding = candidates.rates.sharding
    if not isinstance(sharding, NamedSharding):
        return tree
    return jax.device_put(tree, NamedSharding(sharding.mesh, PartitionSpec()))


def _train(
    loss_fn: Callable[[Any, Any], jax.Array],
    inner: optax.GradientTransformation,
    schedule: Callable[[Any], Any] | None,
):
    """Return what trains runs, of the loss, the inner optimizer and the schedule of a rate.

    Where the schedule is None the rate is constant.
    """
    tx = optax.with_extra_args_support(inner)

    def train(
        candidates: Candidates,
        first: jax.Array,
        count: jax.Array,
        offset: jax.Array,
        sign: jax.Array,
        stacked: Any,
        untrained: optax.Params,
        size: int,
    ) -> tuple[Candidates, jax.Array, jax.Array]:
        """Train all runs for some steps, or until none is left.

        Args:
          candidates: the runs.
          first: the number of steps that they have made.
          count: how many to make.
          offset: the place of the first batch.
          sign: 1 where ``inner`` gives a direction, -1 where its updates go downhill already.
          stacked: the batches, the same for all runs.
          untrained: the parameters that all began with.
          size: the number of rows of what is returned, at least ``count``.

        Returns:
          The runs; their losses, shape (size, runs), infinite where no step was made; and the
          loss of the untrained parameters on the same batches, shape (size,).
        """

        def advance(run: Candidates, batch: Any, step: jax.Array) -> tuple[Candidates, jax.Array]:
            value, gradients = loss_and_gradients(loss_fn, run.params, batch)
            updates, inner_state = tx.update(gradients, run.inner_state, run.params, value=value)
            rate = run.rates if schedule is None else jnp.asarray(schedule(run.rates)(step))
            stepped = moved(run.params, updates, -sign * rate)
            finite = jnp.isfinite(value) & all_finite(gradients, None)
            params, inner_state = jax.tree.map(
                lambda new, old: jnp.where(finite & run.going, new, old).astype(old.dtype),
                (stepped, inner_state),
                (run.params, run.inner_state),
            )
            failures = jnp.where(finite, 0, run.failures + 1)
            going = run.going & (failures < FAILURES_TO_STOP)
            return Candidates(params, inner_state, run.rates, failures, going), value

        def goes_on(carry) -> jax.Array:
            done, runs, _, _ = carry
            return (done < count) & jnp.any(runs.going)

        def step(carry):
            done, runs, losses, references = carry
            batch = batch_at(stacked, offset + done)
            going = runs.going
            runs, values = jax.vmap(advance, (0, None, None))(runs, batch, first + done)
            values = jnp.where(going, values, jnp.inf)
            reference = loss_fn(untrained, batch).astype(jnp.float32)
            return done + 1, runs, losses.at[done].set(values), references.at[done].set(reference)

        losses = jnp.full((size, candidates.rates.shape[0]), jnp.inf, jnp.float32)
        references = jnp.full(size, jnp.inf, jnp.float32)
        carry = (jnp.zeros((), jnp.int32), candidates, losses, references)
        _, candidates, losses, references = jax.lax.while_loop(goes_on, step, carry)
        return candidates, losses, references

    return train


TRAINING = Programs(_train, ("size",))
