"""A change of large arrays that is made on some steps only, in the memory they have."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.core
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

Tree = TypeVar("Tree")


def changed_if(flag: jax.Array, change: Callable[[Tree], Tree], tree: Tree) -> Tree:
    """Return ``change(tree)`` where the flag is true, else ``tree``; ``change`` keeps all types.

    A loop that is run through once or not at all. What a ``lax.cond`` hands on needs memory
    beside what it was given, and XLA may copy that first; what a loop carries stays where it
    is. Loops cannot be differentiated backwards, so derivatives are those of the ``lax.cond``.
    A flag that is known, outside of ``jit``, needs neither.
    """
    if not isinstance(flag, jax.core.Tracer):
        return change(tree) if flag else tree
    leaves, structure = jax.tree.flatten(tree)
    # Gradients of integers are zeros without a type that a loop could carry.
    numbers = [place for place, leaf in enumerate(leaves) if leaf.dtype != jax.dtypes.float0]

    def change_numbers(carried: list[jax.Array]) -> list[jax.Array]:
        changed = jax.tree.leaves(change(structure.unflatten(_replaced(leaves, numbers, carried))))
        return [changed[place] for place in numbers]

    carried = [leaves[place] for place in numbers]
    program = jax.make_jaxpr(change_numbers)(carried)
    changed = _run_through(program.jaxpr, flag, carried, program.consts)
    return structure.unflatten(_replaced(leaves, numbers, changed))


def _replaced(leaves: list[Any], places: list[int], new: list[jax.Array]) -> list[Any]:
    replaced = list(leaves)
    for place, leaf in zip(places, new, strict=True):
        replaced[place] = leaf
    return replaced


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _run_through(
    change: Jaxpr, flag: jax.Array, carried: list[jax.Array], captured: list[Any]
) -> list[jax.Array]:
    def pending(carry: tuple[jax.Array, list[jax.Array]]) -> jax.Array:
        return carry[0]

    def once(carry: tuple[jax.Array, list[jax.Array]]) -> tuple[jax.Array, list[jax.Array]]:
        kept = [_tied(leaf, carry[0]) for leaf in captured]
        return ~carry[0], _evaluated(change, kept, carry[1])

    return jax.lax.while_loop(pending, once, (flag, carried))[1]


@_run_through.defjvp
def _derivative(change: Jaxpr, primals: Any, tangents: Any) -> Any:
    def either(flag: jax.Array, carried: list[jax.Array], captured: list[Any]) -> list[jax.Array]:
        return jax.lax.cond(flag, lambda: _evaluated(change, captured, carried), lambda: carried)

    return jax.jvp(either, primals, tangents)


def _tied(leaf: Any, pending: jax.Array) -> Any:
    """Return the leaf as if it hung on the flag of the loop.

    Else XLA works out what follows from such leaves alone in front of the loop, at every step.
    Under ``shard_map`` that may make of what is the same on all devices what need not be: left out.
    """
    tied = jax.lax.optimization_barrier((leaf, pending))[0]
    return tied if jax.typeof(tied) == jax.typeof(leaf) else leaf


def _evaluated(change: Jaxpr, captured: list[Any], carried: list[jax.Array]) -> list[jax.Array]:
    return jaxpr_as_fun(ClosedJaxpr(change, captured))(*carried)
