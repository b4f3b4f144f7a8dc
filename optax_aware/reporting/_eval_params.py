"""The parameters to evaluate."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from optax_aware.reporting._states import find_states, unwrapped
from optax_aware.transforms._average import AverageState, fold_in
from optax_aware.transforms._awareness import AwarenessState


def eval_params(opt_state: optax.OptState, params: optax.Params) -> optax.Params:
    """Return the parameters to evaluate: their average where there is one, else ``params``.

    Under ``masked`` and ``partition`` each parameter is replaced by the average it belongs to, and
    stays as it is where there is none.

    Args:
      opt_state: any optimizer state.
      params: the present parameters; they are the newest member of the average.

    Returns:
      Parameters with the structure, shapes and dtypes of ``params``.

    Raises:
      ValueError: if ``params`` are not those that ``opt_state`` was made for, or a parameter has
        more than one average in it.

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
    if find_states(params, AwarenessState):
        raise ValueError(
            "params must be parameters, got an optimizer state: the state comes first."
        )
    averages = find_states(opt_state, AverageState)
    if not averages:
        return params
    leaves, structure = jax.tree.flatten_with_path(params)
    evaluated: list[Any] = [leaf for _, leaf in leaves]
    averaged = [False] * len(leaves)
    for average in averages:
        taken = unwrapped(average.average_taken)
        for place, mean in enumerate(_means(average, params)):
            path, leaf = leaves[place]
            if mean is None:
                continue
            if averaged[place]:
                raise ValueError(
                    f"opt_state must hold at most one average of each parameter, got several of "
                    f"{_name(path)}. Hand the part of the state that is wanted to eval_params."
                )
            folded: Any = fold_in(AverageState(mean, taken), leaf)
            evaluated[place] = folded.astype(jnp.result_type(leaf))
            averaged[place] = True
    return jax.tree.unflatten(structure, evaluated)


def _means(average: AverageState, params: optax.Params) -> list[jax.Array | None]:
    """Return the mean of each leaf of ``params``, None where the average belongs to others."""
    kept, outline = jax.tree.flatten(average.average_params, is_leaf=_is_masked)
    if any(map(_is_masked, kept)):
        try:
            parts = outline.flatten_up_to(params)
        except ValueError as error:
            raise _others("another structure") from error
        kept = [
            mean
            for part, tree in zip(kept, parts, strict=True)
            for mean in ([None] * len(jax.tree.leaves(tree)) if _is_masked(part) else [part])
        ]
    leaves, _ = jax.tree.flatten_with_path(params)
    if len(leaves) != len(kept):
        raise _others(f"{len(leaves)} arrays, not {len(kept)}")
    means = [None if mean is None else jnp.asarray(mean) for mean in kept]
    for (path, leaf), mean in zip(leaves, means, strict=True):
        if mean is not None and jnp.shape(leaf) != mean.shape:
            shape = jnp.shape(leaf)
            raise _others(f"{_name(path)} with shape {shape} in place of {mean.shape}")
    return means


def _is_masked(node: Any) -> bool:
    """Whether a node stands for parameters that ``masked`` or ``partition`` leaves to others."""
    return isinstance(node, optax.MaskedNode)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path) or "params"


def _others(got: str) -> ValueError:
    return ValueError(
        f"params must be the parameters that opt_state was made for, got {got}. Hand in the state "
        f"and the parameters of one training step."
    )
