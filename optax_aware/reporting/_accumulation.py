"""How far gradient accumulation has come."""

from typing import NamedTuple

import jax
import optax

from optax_aware.reporting._states import find_states, unwrapped
from optax_aware.transforms._accumulate import AccumulateState


class Accumulation(NamedTuple):
    """Where `accumulate` stands, as scalar arrays.

    Attributes:
      length: how many micro-batches make the update that is being prepared, int32.
      taken: how many of them there were so far, int32.
      updates: the number of updates so far, int32.
      left_out: the number of micro-batches so far that were not finite, int32.
      updated: whether the last micro-batch was the last one of an update, bool.
    """

    length: jax.Array
    taken: jax.Array
    updates: jax.Array
    left_out: jax.Array
    updated: jax.Array


def accumulation(opt_state: optax.OptState) -> Accumulation:
    """Return where the gradient accumulation in an optimizer state stands.

    Works inside jit, so that a training step can evaluate, or count, after updates alone.

    Args:
      opt_state: an optimizer state with exactly one `accumulate` in it.

    Returns:
      An `Accumulation` of scalar arrays.

    Raises:
      ValueError: if there is no `accumulate` in ``opt_state``, or more than one.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.accumulate(optax.sgd(0.1), every=4)
      >>> params = jnp.array(1.0)
      >>> _, opt_state = tx.update(params, tx.init(params), params)
      >>> print(*map(int, oa.accumulation(opt_state)))
      4 1 0 0 0
    """
    found = find_states(opt_state, AccumulateState)
    if len(found) != 1:
        raise ValueError(
            f"opt_state must hold exactly one accumulate, got {len(found)}. Make the optimizer "
            f"with accumulate(inner, every), or hand in the part that belongs to one of them."
        )
    state = found[0]
    taken, updates = unwrapped(state.accumulation_taken), unwrapped(state.accumulation_updates)
    return Accumulation(
        length=unwrapped(state.accumulation_length),
        taken=taken,
        updates=updates,
        left_out=unwrapped(state.accumulation_left_out),
        updated=(taken == 0) & (updates > 0),
    )
