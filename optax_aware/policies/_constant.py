"""The policy that never changes the rate."""

from typing import NamedTuple

import jax.numpy as jnp

from optax_aware._types import Condition, Decision, Observation, Policy


class ConstantState(NamedTuple):
    """Empty: the policy does not listen."""


def constant() -> Policy:
    """Keep the base rate, whatever the loss does.

    The control of every comparison, and the policy to choose when a schedule alone is to
    set the rate.

    Returns:
      A policy whose scale is 1 at every step.

    Example:
      >>> import optax_aware as oa
      >>> oa.policies.replay(oa.policies.constant(), [3.0, 2.0, 4.0]).scale.tolist()
      [1.0, 1.0, 1.0]
    """

    def init() -> ConstantState:
        return ConstantState()

    def update(state: ConstantState, observation: Observation) -> tuple[ConstantState, Decision]:
        del observation
        scale = jnp.ones((), jnp.float32)
        return state, Decision(scale=scale, condition=jnp.int32(Condition.STEADY))

    return Policy(init, update)
