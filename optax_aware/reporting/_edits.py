"""Changes that a person makes to a run: a rate set by hand, a policy started afresh."""

import functools
from typing import Any, TypeVar

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from optax_aware._arguments import check_number
from optax_aware._numbers import LARGEST
from optax_aware.reporting._states import WHO_HOLDS_A_POLICY, find_states
from optax_aware.transforms._accumulate import AccumulateState
from optax_aware.transforms._awareness import AwarenessState

_State = TypeVar("_State")


def set_learning_rate(opt_state: _State, learning_rate: ArrayLike) -> _State:
    """Return the optimizer state with the learning rate set by hand.

    The next update uses exactly ``learning_rate``. From there schedule and policy go on as
    before, in proportion: after setting a tenth of the present rate, the rest of a cosine
    runs at a tenth. A rate set higher than theirs is not carried further up: in a warmup it
    is held until the warmup has come that far by itself. Where schedule or policy say zero,
    the setting waits for the first update at which they do not. Under `scale_by_policy` the
    scale is set, which is all there is to see from there.

    Args:
      opt_state: an optimizer state; every policy in it is set, save one of `accumulate`, which
        makes the batch larger and leaves the rate to the optimizer inside.
      learning_rate: the new rate, a number of at least 0 that is finite in float32; of a traced
        one that is something else nothing is set.

    Returns:
      An optimizer state of the same structure; ``opt_state`` is left as it is.

    Raises:
      ValueError: if there is no policy in ``opt_state``, or none but one of `accumulate`, or
        the rate is not allowed.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = oa.set_learning_rate(tx.init(params), 0.5)
      >>> updates, opt_state = tx.update(params, opt_state, params, value=1.0)
      >>> print(updates)
      -0.5
    """
    check_number("learning_rate", learning_rate, 0.0, float(LARGEST))
    traced = isinstance(learning_rate, jax.core.Tracer)
    rate: Any = learning_rate if traced else np.asarray(learning_rate).item()
    return _edit(opt_state, lengths=False, aware_rate_request=rate, aware_learning_rate=rate)


def reset(opt_state: _State) -> _State:
    """Return the optimizer state with the policy starting afresh at the next update.

    The policy forgets what it has seen, its scale starts again, and a rate set by hand is
    dropped, but not one that still waits for the next update. The step goes on, hence schedules
    do; parameters, inner state, snapshot and average stay. Prefer it after a known change of the
    data or of the loss.

    Args:
      opt_state: an optimizer state; every policy in it is reset.

    Returns:
      An optimizer state of the same structure; ``opt_state`` is left as it is.

    Raises:
      ValueError: if there is no policy in ``opt_state``.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
      >>> tx = oa.aware(optax.identity(), policy, learning_rate=1.0)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> for loss in [1.0, 1.0]:
      ...     _, opt_state = tx.update(params, opt_state, params, value=loss)
      >>> print(oa.learning_rate(opt_state))
      0.5
      >>> _, opt_state = tx.update(params, oa.reset(opt_state), params, value=1.0)
      >>> print(oa.learning_rate(opt_state))
      1.0
    """
    return _edit(opt_state, lengths=True, aware_reset_request=1)


def _edit(opt_state: _State, *, lengths: bool, **fields: ArrayLike) -> _State:
    """Return ``opt_state`` with fields of every policy's state filled with a number.

    A policy of `accumulate` sets a length and no rate; it is edited where ``lengths`` is true.

    Each leaf is filled anew: what a framework has wrapped it in, its shape under ``vmap``,
    and its devices stay, and no two states come to share an array.
    """
    edited = []
    kinds = (AwarenessState,) if lengths else (AwarenessState, AccumulateState)

    def edit(node: Any) -> Any:
        if not isinstance(node, kinds):
            return node
        if isinstance(node, AccumulateState):
            inner_state = everywhere(node.accumulation_inner_state)
            return node._replace(accumulation_inner_state=inner_state)
        edited.append(node)
        filled = {
            name: jax.tree.map(functools.partial(_filled, new), getattr(node, name))
            for name, new in fields.items()
        }
        return node._replace(**filled)

    def everywhere(tree: Any) -> Any:
        return jax.tree.map(edit, tree, is_leaf=lambda node: isinstance(node, kinds))

    new_state = everywhere(opt_state)
    if edited:
        return new_state
    if find_states(opt_state, AwarenessState):
        raise ValueError(
            "opt_state must hold a policy that scales a rate, got that of accumulate alone, which "
            "makes the batch larger. Set the rate of the optimizer inside: write "
            "optax.inject_hyperparams around it, and set hyperparams['learning_rate'] in "
            "opt_state.accumulation_inner_state."
        )
    raise ValueError(f"opt_state must hold a policy, got none. {WHO_HOLDS_A_POLICY}")


def _filled(new: ArrayLike, leaf: jax.Array) -> jax.Array:
    filled = jnp.full_like(leaf, new)
    # A number that is not known yet may turn out to be none that is allowed.
    return jnp.where(jnp.isfinite(filled) & (filled >= 0), filled, leaf)
