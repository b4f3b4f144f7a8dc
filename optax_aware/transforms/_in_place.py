"""A change of large arrays that is made on some steps only, in the memory they have."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax

Tree = TypeVar("Tree")


def changed_if(flag: jax.Array, change: Callable[[Tree], Tree], tree: Tree) -> Tree:
    """Return ``change(tree)`` where the flag is true, else ``tree``; ``change`` keeps all types.

    A loop that is run through once or not at all. What a ``lax.cond`` hands on needs memory
    beside what it was given, and XLA may copy that first; what a loop carries stays where it
    is. Loops cannot be differentiated backwards, so derivatives are those of the ``lax.cond``.
    """
    leaves, structure = jax.tree.flatten(tree)
    # Gradients of integers are zeros without a type that a loop could carry.
    numbers = [place for place, leaf in enumerate(leaves) if leaf.dtype != jax.dtypes.float0]

    def change_numbers(carried: list[jax.Array]) -> list[jax.Array]:
        changed = jax.tree.leaves(change(structure.unflatten(_replaced(leaves, numbers, carried))))
        return [changed[place] for place in numbers]

    carried = [leaves[place] for place in numbers]
    closed, captured = jax.closure_convert(change_numbers, carried)
    return structure.unflatten(
        _replaced(leaves, numbers, _run_through(closed, flag, carried, captured))
    )


def _replaced(leaves: list[Any], places: list[int], new: list[jax.Array]) -> list[Any]:
    replaced = list(leaves)
    for place, leaf in zip(places, new, strict=True):
        replaced[place] = leaf
    return replaced


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _run_through(
    change: Callable[..., list[jax.Array]],
    flag: jax.Array,
    carried: list[jax.Array],
    captured: list[Any],
) -> list[jax.Array]:
    def pending(carry: tuple[jax.Array, list[jax.Array]]) -> jax.Array:
        return carry[0]

    def once(carry: tuple[jax.Array, list[jax.Array]]) -> tuple[jax.Array, list[jax.Array]]:
        # Else XLA works out what follows from them alone in front of the loop, at every step.
        still_pending, kept = jax.lax.optimization_barrier((carry[0], captured))
        return ~still_pending, change(carry[1], *kept)

    return jax.lax.while_loop(pending, once, (flag, carried))[1]


@_run_through.defjvp
def _derivative(change: Callable[..., list[jax.Array]], primals: Any, tangents: Any) -> Any:
    def either(flag: jax.Array, carried: list[jax.Array], captured: list[Any]) -> list[jax.Array]:
        return jax.lax.cond(flag, lambda: change(carried, *captured), lambda: carried)

    return jax.jvp(either, primals, tangents)
