"""Compiled programs, kept no longer than the loss that they work out."""

import weakref
from collections.abc import Callable
from typing import Any

import jax

Loss = Callable[[Any, Any], jax.Array]


class Programs:
    """Makes a compiled program of a loss and other parts, once while the loss is alive.

    A loss often holds the data set, so it is held weakly, and of every loss only the last
    program is kept: nothing grows from call to call, and a call with the same objects compiles
    nothing.

    Args:
      make: returns the function to compile, of a loss and the other parts.
      static_argnames: the arguments of that function that set shapes.
    """

    def __init__(self, make: Callable[..., Callable], static_argnames: tuple[str, ...]):
        self._make = make
        self._static_argnames = static_argnames
        self._kept: weakref.WeakKeyDictionary[Loss, Any] = weakref.WeakKeyDictionary()

    def of(self, loss_fn: Loss, *parts: Any) -> Callable:
        """Return the program of these parts, which may be used while ``loss_fn`` is held."""
        kept, weakly = self._kept.get(loss_fn), weakref.ref(loss_fn)
        # The very same objects: of two that are merely equal, one may live longer.
        if kept is not None and kept[0]() is loss_fn:
            if all(new is old for new, old in zip(parts, kept[1], strict=True)):
                return kept[2]
            del self._kept[loss_fn]

        def held_loss(params: Any, batch: Any) -> jax.Array:
            held = weakly()
            assert held is not None, "a program is used after its loss is gone"
            return held(params, batch)

        made = self._make(held_loss, *parts)
        program = jax.jit(made, static_argnames=self._static_argnames)
        self._kept[loss_fn] = weakly, parts, program
        return program
