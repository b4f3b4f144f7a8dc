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
    if find_states(params, AwarenessState):
        raise ValueError(
            "params must be parameters, got an optimizer state: the state comes first."
        )
    averages = find_states(opt_state, AverageState)
    if not averages:
        return params
    if len(averages) > 1:
        raise ValueError(
            f"opt_state must hold at most one average, got {len(averages)}. Hand the part of "
            f"the state and of the parameters that belong together to eval_params."
        )
    means = [jnp.asarray(mean) for mean in jax.tree.leaves(averages[0].average_params)]
    leaves, structure = jax.tree.flatten(params)
    _check_alike(params, means)
    average = AverageState(means, unwrapped(averages[0].average_taken))
    folded: Any = fold_in(average, leaves)
    return jax.tree.unflatten(
        structure,
        [mean.astype(jnp.result_type(leaf)) for mean, leaf in zip(folded, leaves, strict=True)],
    )


def _check_alike(params: optax.Params, means: list[jax.Array]) -> None:
    leaves, _ = jax.tree.flatten_with_path(params)
    got = f"{len(leaves)} arrays, not {len(means)}"
    if len(leaves) == len(means):
        pairs = zip(leaves, means, strict=True)
        others = [
            (path, leaf, mean) for (path, leaf), mean in pairs if jnp.shape(leaf) != mean.shape
        ]
        if not others:
            return
        path, leaf, mean = others[0]
        name = jax.tree_util.keystr(path) or "params"
        got = f"{name} with shape {jnp.shape(leaf)} in place of {mean.shape}"
    raise ValueError(
        f"params must be the parameters that opt_state was made for, got {got}. Hand in the state "
        f"and the parameters of one training step."
    )
