"""Runs a policy on a recorded loss curve."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._types import Decision, Observation, Policy


@partial(jax.jit, static_argnames="policy")
def _scan(policy: Policy, values: jax.Array, validation_values: jax.Array) -> Decision:
    steps = jnp.arange(values.shape[0], dtype=jnp.int32)
    observations = Observation(value=values, step=steps, validation_value=validation_values)

    def decide(state, observation):
        value, step, validation_value = observation
        return policy.update(state, Observation(value, step, validation_value))

    recorded = (observations.value, observations.step, observations.validation_value)
    return jax.lax.scan(decide, policy.init(), recorded)[1]


def _as_float32(values: jax.typing.ArrayLike) -> jax.Array:
    # A double too large for float32 becomes infinite, which every policy knows how to take.
    with np.errstate(over="ignore"):
        return jnp.asarray(values, jnp.float32)


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
      ValueError: if `values` is not a vector, or `validation_values` has another shape.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(patience=0, factor=0.5)
      >>> decisions = oa.policies.replay(policy, [3.0, 2.0, 2.0])
      >>> decisions.scale.tolist(), oa.CONDITIONS[int(decisions.condition[-1])]
      ([1.0, 1.0, 0.5], 'flat')
    """
    values = _as_float32(values)
    if values.ndim != 1:
        raise ValueError(f"values must be a vector of losses, got shape {values.shape}.")
    if validation_values is None:
        validation_values = jnp.full_like(values, jnp.nan)
    validation_values = _as_float32(validation_values)
    if validation_values.shape != values.shape:
        raise ValueError(
            f"validation_values must have the shape of values, {values.shape}, "
            f"got {validation_values.shape}."
        )
    return _scan(policy, values, validation_values)
