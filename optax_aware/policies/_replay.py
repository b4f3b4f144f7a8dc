"""Runs a policy on a recorded loss curve."""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_policy
from optax_aware._numbers import as_float32
from optax_aware._types import Decision, Observation, Policy

PROGRAMS_KEPT = 16
"""A sweep over policies is not to keep the programs of all of them for good."""


@lru_cache(maxsize=PROGRAMS_KEPT)
def _program(init: Callable, update: Callable) -> Callable[..., Decision]:
    """Return the compiled program that shows a curve to the policy of these two functions."""

    def decide(state, recorded):
        return update(state, Observation(*recorded))

    @jax.jit
    def scan(values: jax.Array, validation_values: jax.Array) -> Decision:
        steps = jnp.arange(values.shape[0], dtype=jnp.int32)
        return jax.lax.scan(decide, init(), (values, steps, validation_values))[1]

    return scan


def replay(
    policy: Policy,
    values: jax.typing.ArrayLike,
    validation_values: jax.typing.ArrayLike | None = None,
) -> Decision:
    """Return what a policy would have decided on a recorded loss curve.

    A policy sees scalars alone, so it can be tried on the losses of a run that is over, from
    a CSV say. The curve itself does not answer to the decisions: that a policy lowers the rate
    at the right place here does not say what the loss would have done then.

    Args:
      policy: any policy; norms and inner products, which no curve records, are NaN.
      values: the training losses, one a step, of shape (steps,).
      validation_values: validation losses of the same shape, NaN where there was none.

    Returns:
      The decisions, each field stacked to shape (steps,).

    Raises:
      ValueError: if `policy` is not a `Policy`, `values` is not a vector, or `validation_values`
        has another shape.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(patience=0, factor=0.5)
      >>> decisions = oa.policies.replay(policy, [3.0, 2.0, 2.0])
      >>> decisions.scale.tolist(), oa.CONDITIONS[int(decisions.condition[-1])]
      ([1.0, 1.0, 0.5], 'flat')
    """
    check_policy(policy)
    values = as_float32(values)
    if values.ndim != 1:
        raise ValueError(f"values must be a vector of losses, got shape {values.shape}.")
    if validation_values is None:
        validation_values = jnp.full_like(values, jnp.nan)
    validation_values = as_float32(validation_values)
    if validation_values.shape != values.shape:
        raise ValueError(
            f"validation_values must have the shape of values, {values.shape}, "
            f"got {validation_values.shape}."
        )
    return _program(policy.init, policy.update)(values, validation_values)
