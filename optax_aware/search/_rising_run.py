"""A run whose learning rate rises from step to step until the loss diverges."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from optax_aware.search._batches import batch_at
from optax_aware.search._gradients import loss_and_gradients, moved
from optax_aware.search._programs import Programs
from optax_aware.transforms._finite import all_finite
from optax_aware.transforms._leaves import own

FAILURES_TO_STOP = 3
"""Steps in a row with a loss that is not finite, or far too high, that end a run: one alone may
be a bad batch."""


LEAST_CLIMB = 0.05
"""A climb below this share of the first loss (times the divergence factor) ends no run: where
nothing is noisy, the loss may rise a little before it falls."""


class RisingRun(NamedTuple):
    """Where a rising run is.

    Attributes:
      params: the parameters before the next step.
      inner_state: the state of the inner optimizer.
      steps_done: the number of losses so far, int32.
      losses: the loss of each step, 0 where there is none yet, float32.
      failures: steps in a row whose loss or gradient was not finite, or whose loss and
        smoothed loss had climbed too far, int32.
      spoilt: steps in a row that were not finite at a batch that was not, int32.
      seen: the number of finite losses, int32.
      origin: the first of them, float32; the next four are relative to it.
      smoothed: a mean of the losses with weights that decay, not yet divided by their sum.
      least: the least such mean.
      first_sum: the sum of the first losses.
      first_squares: the sum of their squares.
    """

    params: Any
    inner_state: Any
    steps_done: jax.Array
    losses: jax.Array
    failures: jax.Array
    spoilt: jax.Array
    seen: jax.Array
    origin: jax.Array
    smoothed: jax.Array
    least: jax.Array
    first_sum: jax.Array
    first_squares: jax.Array

    @property
    def stopped(self) -> jax.Array:
        """Whether there is nothing more to learn from it."""
        return self.failures >= FAILURES_TO_STOP


def begin(params: Any, inner: optax.GradientTransformation, num_steps: int) -> RisingRun:
    """Return the run before its first step, of arrays whose types will not change."""
    params = jax.tree.map(own, params)
    zero = jnp.zeros((), jnp.float32)
    none = jnp.zeros((), jnp.int32)
    return RisingRun(
        params=params,
        inner_state=jax.tree.map(own, inner.init(params)),
        steps_done=none,
        losses=jnp.zeros(num_steps, jnp.float32),
        failures=none,
        spoilt=none,
        seen=none,
        origin=zero,
        smoothed=zero,
        least=jnp.array(jnp.inf, jnp.float32),
        first_sum=zero,
        first_squares=zero,
    )


def _rise(loss_fn: Callable[[Any, Any], jax.Array], inner: optax.GradientTransformation):
    """Return what makes steps of a run, of the loss and the inner optimizer."""
    tx = optax.with_extra_args_support(inner)

    def rise(
        run: RisingRun,
        stacked: Any,
        offset: jax.Array,
        count: jax.Array,
        rates: jax.Array,
        sign: jax.Array,
        keep: jax.Array,
        divergence_factor: jax.Array,
        first_steps: int,
    ) -> RisingRun:
        """Go on for ``count`` steps, or until the run stops.

        Args:
          run: where it is.
          stacked: the batches.
          offset: the place of the batch of the next step.
          count: how many steps.
          rates: the rate of every step of the whole run.
          sign: 1 where ``inner`` gives a direction, -1 where its updates go downhill already.
          keep: the weight that a loss keeps from one step to the next in the smoothed loss.
          divergence_factor: how far the smoothed loss may climb, in units of how far it fell.
          first_steps: the number of steps that tell where the loss begins and how noisy it is.
        """
        first = run.steps_done

        def goes_on(run: RisingRun) -> jax.Array:
            return (run.steps_done < first + count) & ~run.stopped

        def step(run: RisingRun) -> RisingRun:
            at = run.steps_done
            batch = batch_at(stacked, offset + at - first)
            value, gradients = loss_and_gradients(loss_fn, run.params, batch)
            updates, inner_state = tx.update(gradients, run.inner_state, run.params, value=value)
            params = moved(run.params, updates, -sign * rates[at])
            finite = jnp.isfinite(value) & all_finite(gradients, None)
            params, inner_state = jax.tree.map(
                lambda new, old: jnp.where(finite, new, old).astype(old.dtype),
                (params, inner_state),
                (run.params, run.inner_state),
            )
            judged, climbed = _judged(run, value, keep, divergence_factor, first_steps)
            judged = jax.tree.map(lambda new, old: jnp.where(finite, new, old), judged, _sums(run))
            return run._replace(
                params=params,
                inner_state=inner_state,
                steps_done=at + 1,
                losses=run.losses.at[at].set(value),
                failures=jnp.where(finite & ~climbed, 0, run.failures + 1),
                spoilt=jnp.where(finite | all_finite(batch, None), 0, run.spoilt + 1),
                **judged,
            )

        return jax.lax.while_loop(goes_on, step, run)

    return rise


RISING = Programs(_rise, ("first_steps",))


_SUMS = ("seen", "origin", "smoothed", "least", "first_sum", "first_squares")


def _sums(run: RisingRun) -> dict[str, jax.Array]:
    return {name: getattr(run, name) for name in _SUMS}


def _judged(
    run: RisingRun,
    value: jax.Array,
    keep: jax.Array,
    divergence_factor: jax.Array,
    first_steps: int,
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Take a loss into the sums, and say whether it has climbed too far, smoothed or not.

    Too far is ``divergence_factor`` times the way that it had come down, or four times its
    noise where that is more: so a factor on the loss changes nothing.
    """
    seen = run.seen + 1
    origin = jnp.where(run.seen == 0, value, run.origin)
    distance = value - origin
    early = seen <= first_steps
    smoothed = keep * run.smoothed + (1.0 - keep) * distance
    mean = smoothed / (1.0 - keep**seen)
    least = jnp.minimum(run.least, mean)
    first_sum = run.first_sum + jnp.where(early, distance, 0.0)
    first_squares = run.first_squares + jnp.where(early, distance**2, 0.0)
    level = first_sum / first_steps
    variance = jnp.maximum(first_squares / first_steps - level**2, 0.0)
    noise = 4.0 * jnp.sqrt(variance * (1.0 - keep) / (1.0 + keep))
    room = jnp.maximum(jnp.maximum(level - least, noise), LEAST_CLIMB * jnp.abs(origin))
    too_far = least + divergence_factor * room
    sums = {
        "seen": seen,
        "origin": origin,
        "smoothed": smoothed,
        "least": least,
        "first_sum": first_sum,
        "first_squares": first_squares,
    }
    return sums, ~early & (mean > too_far) & (distance > too_far)
