"""One step of the inner optimizer, which is taken or held as a whole."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from optax_aware.transforms._average import AverageState, advance_average
from optax_aware.transforms._base_rate import scale_updates
from optax_aware.transforms._in_place import changed_if
from optax_aware.transforms._leaves import in_dtype_of, or_zero
from optax_aware.transforms._path import PathSample


class Stepped(NamedTuple):
    """What a step changes.

    Attributes:
      updates: the gradients before it, the updates after it, which take their place.
      inner_state: the state of the inner optimizer.
      average: the average of the parameters, where there is one.
      sample: the sampled coordinates of the updates, where there is a sample.
    """

    updates: optax.Updates
    inner_state: optax.OptState
    average: AverageState | optax.EmptyState
    sample: jax.Array | None


def step_unless(
    held: jax.Array,
    inner_update: Callable[[optax.Updates, optax.OptState], tuple[optax.Updates, optax.OptState]],
    rate: jax.Array,
    before: Stepped,
    params: Any,
    path_sample: PathSample | None,
) -> Stepped:
    """Take a step of the given rate, unless it is held: then the updates are no updates yet."""

    def advance(before: Stepped) -> Stepped:
        direction, inner_state = inner_update(before.updates, before.inner_state)
        updates = jax.tree.map(or_zero, scale_updates(direction, rate))
        updates = jax.tree.map(in_dtype_of, updates, before.updates)
        average = before.average
        if isinstance(average, AverageState):
            average = advance_average(average, params)
        return Stepped(
            updates,
            jax.tree.map(in_dtype_of, inner_state, before.inner_state),
            average,
            None if path_sample is None else path_sample.of(updates),
        )

    return changed_if(~held, advance, before)
