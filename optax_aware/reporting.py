"""Reads and edits what our transforms keep, wherever it lies in an optax state."""

import functools
from typing import Any, NamedTuple, TypeVar

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_number
from optax_aware.transforms._average import AverageState, fold_in
from optax_aware.transforms._awareness import AwarenessState
from optax_aware.transforms._hand_set_rate import NO_REQUEST

_State = TypeVar("_State")


class Report(NamedTuple):
    """What a policy sees and does, as scalar arrays.

    Attributes:
      step: the number of updates so far, int32.
      learning_rate: the rate of the last update, or the one set by hand since, float32.
        Under `scale_by_policy` it is the scale alone: the rate of the optimizer it is chained
        with is not visible from there.
      scale: the policy's last scale, float32.
      condition: what the policy sees, int32; ``CONDITIONS[int(condition)]`` is its name.
      value_mean: the smoothed loss the policy looks at, float32; infinite where it has none,
        as are the next three: a NaN would trip ``jax_debug_nans``.
      value_standard_error: the standard error of that mean, float32.
      progress: how far the smoothed loss has come down, float32.
      annealing_gain: how much of the loss a lower rate would remove, float32.
      skipped: the number of updates that were skipped, int32.
      rewound: the number of rewinds, int32.
      nonfinite: the number of updates with a non-finite loss or gradient, int32.
    """

    step: jax.Array
    learning_rate: jax.Array
    scale: jax.Array
    condition: jax.Array
    value_mean: jax.Array
    value_standard_error: jax.Array
    progress: jax.Array
    annealing_gain: jax.Array
    skipped: jax.Array
    rewound: jax.Array
    nonfinite: jax.Array


def report(opt_state: optax.OptState) -> Report:
    """Return what the policy in an optimizer state sees and does.

    Finds the state of `aware`, `scale_by_policy` or `as_learning_rate` anywhere in
    ``opt_state``: in chains, ``masked``, ``inject_hyperparams``, ``MultiSteps`` and nnx
    optimizers. Works inside jit, so that a training step can return it for a logger.

    Args:
      opt_state: an optimizer state with exactly one policy in it.

    Returns:
      A `Report` of scalar arrays.

    Raises:
      ValueError: if there is no policy in ``opt_state``, or more than one.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> updates, opt_state = tx.update(params, opt_state, params, value=0.5)
      >>> seen = oa.report(opt_state)
      >>> print(int(seen.step), round(float(seen.learning_rate), 3))
      1 0.1
    """
    state = _only_awareness(opt_state)
    return Report(
        step=_array(state.aware_updates_seen),
        learning_rate=_array(state.aware_learning_rate),
        scale=_array(state.aware_scale),
        condition=_array(state.aware_condition),
        value_mean=_array(state.aware_value_mean),
        value_standard_error=_array(state.aware_value_standard_error),
        progress=_array(state.aware_progress),
        annealing_gain=_array(state.aware_annealing_gain),
        skipped=_array(state.aware_skipped),
        rewound=_array(state.aware_rewound),
        nonfinite=_array(state.aware_nonfinite),
    )


def learning_rate(opt_state: optax.OptState) -> jax.Array:
    """Return the learning rate of the last update, or the one that was set since.

    Before the first update it is the rate of step 0 as far as it is known: the base rate.

    Args:
      opt_state: an optimizer state with exactly one policy in it.

    Returns:
      A float32 scalar.

    Raises:
      ValueError: if there is no policy in ``opt_state``, or more than one.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.25)
      >>> print(oa.learning_rate(tx.init(jnp.array(1.0))))
      0.25
    """
    return _array(_only_awareness(opt_state).aware_learning_rate)


def set_learning_rate(opt_state: _State, learning_rate: ArrayLike) -> _State:
    """Return the optimizer state with the learning rate set by hand.

    The next update uses exactly ``learning_rate``. From there schedule and policy go on as
    before, in proportion: after setting a tenth of the present rate, the rest of a cosine
    runs at a tenth. A rate set higher than theirs is not carried further up: in a warmup it
    is held until the warmup has come that far by itself. Where schedule or policy say zero,
    the setting waits for the first update at which they do not.

    Args:
      opt_state: an optimizer state; every policy in it is set.
      learning_rate: the new rate, a finite number of at least 0.

    Returns:
      An optimizer state of the same structure; ``opt_state`` is left as it is.

    Raises:
      ValueError: if there is no policy in ``opt_state`` or the rate is not allowed.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = oa.set_learning_rate(tx.init(params), 0.5)
      >>> updates, opt_state = tx.update(params, opt_state, params, value=1.0)
      >>> print(updates)
      -0.5
    """
    check_number("learning_rate", learning_rate, low=0.0)
    traced = isinstance(learning_rate, jax.core.Tracer)
    rate: Any = learning_rate if traced else np.asarray(learning_rate).item()
    return _edit(opt_state, aware_rate_request=rate, aware_learning_rate=rate)


def reset(opt_state: _State) -> _State:
    """Return the optimizer state with the policy starting afresh at the next update.

    The policy forgets what it has seen, its scale starts again, and a rate set by hand is
    dropped. The step goes on, hence schedules do; parameters, inner state, snapshot and
    average stay. Prefer it after a known change of the data or of the loss.

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
    return _edit(opt_state, aware_reset_request=1, aware_rate_request=NO_REQUEST)


def eval_params(opt_state: optax.OptState, params: optax.Params) -> optax.Params:
    """Return the parameters to evaluate: their average where there is one, else ``params``.

    Args:
      opt_state: any optimizer state.
      params: the present parameters; they are the newest member of the average.

    Returns:
      Parameters with the structure, shapes and dtypes of ``params``.

    Raises:
      ValueError: if there is more than one average in ``opt_state``.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=1.0)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> updates, opt_state = tx.update(params, opt_state, params, value=1.0)
      >>> params = optax.apply_updates(params, updates)
      >>> print(params, round(float(oa.eval_params(opt_state, params)), 4))
      0.0 0.0556

    References:
      Shamir and Zhang, Stochastic Gradient Descent for Non-smooth Optimization, 2013,
      arXiv:1212.1824, section 4.
    """
    if _find(params, AwarenessState):
        raise ValueError(
            "params must be parameters, got an optimizer state: the state comes first."
        )
    averages = _find(opt_state, AverageState)
    if not averages:
        return params
    if len(averages) > 1:
        raise ValueError(
            f"opt_state must hold at most one average, got {len(averages)}. Hand the part of "
            f"the state and of the parameters that belong together to eval_params."
        )
    means = [jnp.asarray(mean) for mean in jax.tree.leaves(averages[0].average_params)]
    leaves, structure = jax.tree.flatten(params)
    if [mean.shape for mean in means] != [jnp.shape(leaf) for leaf in leaves]:
        raise ValueError(
            f"params must be the parameters that opt_state was made for, with {len(means)} "
            f"arrays, got {len(leaves)} arrays or other shapes."
        )
    average = AverageState(means, _array(averages[0].average_taken))
    folded: Any = fold_in(average, leaves)
    return jax.tree.unflatten(
        structure,
        [mean.astype(jnp.result_type(leaf)) for mean, leaf in zip(folded, leaves, strict=True)],
    )


def _find(opt_state: Any, kind: type) -> list:
    leaves = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, kind))
    return [leaf for leaf in leaves if isinstance(leaf, kind)]


def _only_awareness(opt_state: optax.OptState) -> AwarenessState:
    found = _find(opt_state, AwarenessState)
    if len(found) != 1:
        raise ValueError(
            f"opt_state must hold exactly one policy, got {len(found)}. "
            + (
                "Make the optimizer with aware, scale_by_policy or as_learning_rate."
                if not found
                else "Hand in the part that belongs to one of them, for instance "
                "opt_state.inner_states['label'] of optax.partition."
            )
        )
    return found[0]


def _edit(opt_state: _State, **fields: ArrayLike) -> _State:
    """Return ``opt_state`` with fields of every policy's state filled with a number.

    Each leaf is filled anew: what a framework has wrapped it in, its shape under ``vmap``,
    and its devices stay, and no two states come to share an array.
    """

    def edit(node):
        if not isinstance(node, AwarenessState):
            return node
        filled = {
            name: jax.tree.map(functools.partial(_filled, new), getattr(node, name))
            for name, new in fields.items()
        }
        return node._replace(**filled)

    if not _find(opt_state, AwarenessState):
        raise ValueError(
            "opt_state must hold a policy, got none. "
            "Make the optimizer with aware, scale_by_policy or as_learning_rate."
        )
    return jax.tree.map(edit, opt_state, is_leaf=lambda node: isinstance(node, AwarenessState))


def _filled(new: ArrayLike, leaf: jax.Array) -> jax.Array:
    return jnp.full_like(leaf, new)


def _array(leaf) -> jax.Array:
    """Return the array itself where a framework has wrapped it."""
    return jnp.asarray(jax.tree.leaves(leaf)[0])
