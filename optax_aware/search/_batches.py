"""Minibatches: stacked arrays, which can be had again and again, or one after another."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class BatchSource:
    """Hands out runs of batches as stacked arrays.

    A list, a generator or a data loader gives one batch after another, and one that can be
    iterated again begins again when it is exhausted. Everything else is a pytree of arrays
    whose first axis is the step, read round and round.

    Args:
      batches: either of them.
      needed: how many a whole search takes at most, for messages.
    """

    def __init__(self, batches: Any, needed: int):
        self._needed = needed
        self._iterable: Iterable | None = batches if _is_iterable(batches) else None
        self._stacked = None if self._iterable is not None else _checked(batches)
        self._iterator: Iterator = iter(())
        self._taken = 0
        self._form: tuple | None = None

    @property
    def in_memory(self) -> bool:
        """Whether all batches are there, so that taking many costs no more than taking few."""
        return self._iterable is None

    def take(self, first: int, count: int, size: int) -> tuple[Any, int]:
        """Return stacked batches, and the place among them of the batch of step ``first``.

        The batch of step ``first + k`` is at place ``(offset + k) % length``.

        Args:
          first: the step that the first of them is for.
          count: how many are needed.
          size: how many to stack at least; the last is repeated, so that shapes do not change.

        Raises:
          ValueError: if there are not so many, or not all of the same shapes.
        """
        if self._stacked is not None:
            return self._stacked, first
        taken = [self._next() for _ in range(count)]
        taken += [taken[-1]] * (size - count)
        return jax.tree.map(lambda *leaves: _stack(leaves), *taken), 0

    def _next(self) -> Any:
        batch = next(self._iterator, _EXHAUSTED)
        if batch is _EXHAUSTED and self._iterable is not None:
            # What cannot begin again has nothing at the second attempt either.
            self._iterator = iter(self._iterable)
            batch = next(self._iterator, _EXHAUSTED)
        if batch is _EXHAUSTED:
            raise ValueError(
                f"batches must have a batch for every step, {self._needed} in all, got "
                f"batches={self._iterable!r} with {self._taken} of them. Hand in a list or a "
                f"loader, which can begin again, or ask for fewer steps."
            )
        form = jax.tree.structure(batch), [tuple(np.shape(leaf)) for leaf in jax.tree.leaves(batch)]
        if self._form is None:
            self._form = form
        elif form != self._form:
            raise ValueError(
                "batches must all be of the same shapes, got batches with leaves of shapes "
                f"{self._form[1]} and, after {self._taken} of them, {form[1]}. Drop a smaller "
                "last batch (drop_last=True in many loaders)."
            )
        self._taken += 1
        return batch


_EXHAUSTED = object()


def _is_iterable(batches: Any) -> bool:
    """Whether it is a list, an iterator or an object that can only be iterated.

    Nothing but its type is asked: a loader over a stream has a length that raises.
    """
    if isinstance(batches, (list, Iterator)):
        return True
    leaves = jax.tree.leaves(batches)
    is_leaf = len(leaves) == 1 and leaves[0] is batches and not isinstance(batches, (str, bytes))
    return is_leaf and isinstance(batches, Iterable) and not hasattr(batches, "shape")


def _checked(batches: Any) -> Any:
    leaves = jax.tree.leaves(batches)
    lengths = {np.shape(leaf)[:1] for leaf in leaves}
    if len(lengths) != 1 or lengths & {(), (0,)}:
        raise ValueError(
            "batches must be arrays with the same first axis, the step, of at least 1 (or a "
            "list or an iterator of batches), got batches with leaves of shapes "
            f"{[np.shape(leaf) for leaf in leaves]}."
        )
    return jax.tree.map(jnp.asarray, batches)


def _stack(leaves: tuple) -> jax.Array:
    if all(isinstance(leaf, jax.Array) for leaf in leaves):
        return jnp.stack(leaves)
    return jnp.asarray(np.stack(leaves))


def batch_at(stacked: Any, place: jax.Array) -> Any:
    """Return one of the stacked batches; places go round and round."""
    return jax.tree.map(lambda leaf: leaf[place % leaf.shape[0]], stacked)


def chunks(num_steps: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield first step and number of steps of each part of a run."""
    for first in itertools.count(0, size):
        if first >= num_steps:
            return
        yield first, min(size, num_steps - first)
