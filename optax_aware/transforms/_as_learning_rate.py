"""A policy as the learning rate of any optax optimizer, through inject_hyperparams."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_policy
from optax_aware._types import AxisName, Policy
from optax_aware.transforms._arguments import check_axis_name, check_loss_is_enough
from optax_aware.transforms._awareness import (
    AwarenessState,
    Verdict,
    init_awareness,
)
from optax_aware.transforms._base_rate import base_rate
from optax_aware.transforms._deciding import deciding
from optax_aware.transforms._inputs import observe_losses


class PolicyLearningRate:
    """The `optax.schedules.StatefulSchedule` that `as_learning_rate` returns."""

    def __init__(self, policy: Policy, learning_rate: Any, axis_name: AxisName | None):
        self._policy = policy
        self._decide = deciding(policy)
        self._base_rate = base_rate(learning_rate)
        self._axis_name = axis_name

    def init(self) -> AwarenessState:
        """Return the state before the first step."""
        return init_awareness(self._policy, self._base_rate(jnp.int32(0)))

    def _advance(
        self, state: AwarenessState, value: Any, validation_value: Any
    ) -> tuple[AwarenessState, Verdict]:
        step = state.aware_updates_seen
        observation = observe_losses(step, value, validation_value, self._axis_name)
        return self._decide(state, observation, self._base_rate(step))

    def update(
        self,
        state: AwarenessState,
        *,
        value: Any = None,
        validation_value: Any = None,
        **extra_args: Any,
    ) -> AwarenessState:
        """Show the loss of this step to the policy."""
        del extra_args
        return self._advance(state, value, validation_value)[0]

    def __call__(
        self,
        state: AwarenessState,
        *,
        value: Any = None,
        validation_value: Any = None,
        **extra_args: Any,
    ) -> jax.Array:
        """Return the rate of this step, or of the state when no loss is given."""
        del extra_args
        if not isinstance(state, AwarenessState):
            raise TypeError(
                "as_learning_rate(...) is a stateful schedule: hand it to "
                "optax.inject_hyperparams(optimizer)(learning_rate=...), not to the optimizer."
            )
        if value is None:
            return state.aware_learning_rate
        _, verdict = self._advance(state, value, validation_value)
        return jnp.where(verdict.skip, jnp.float32(0.0), verdict.rate)


def as_learning_rate(
    policy: Policy,
    learning_rate: ArrayLike | optax.Schedule | None = None,
    *,
    axis_name: AxisName | None = None,
) -> optax.schedules.StatefulSchedule:
    r"""Make a policy the learning rate of any optax optimizer.

    Hand the result to ``optax.inject_hyperparams(optimizer)(learning_rate=...)``. The loss
    of step t decides the rate of step t: it does not lag. The rate is zero where the loss
    is not finite or the policy skips; the optimizer's moments still take that gradient in,
    so prefer `aware` where losses or gradients may be NaN. With 16-bit parameters hand
    ``hyperparam_dtype=jnp.float32`` to ``inject_hyperparams``, or optax rounds b2 to 1.

    .. math:: \eta_t = \eta^{base}_t s_t

    Args:
      policy: what decides the scale :math:`s_t`. It must observe the loss alone.
      learning_rate: the base rate :math:`\eta^{base}`, a number of at least 0 or a
        schedule; None where the policy's scale is the rate itself.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged.

    Returns:
      An ``optax.schedules.StatefulSchedule``, whose ``update`` requires the keyword ``value``.

    Raises:
      ValueError: if ``policy`` is not a `Policy` or observes norms, or ``learning_rate`` is
        a negative number.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> rate = oa.as_learning_rate(oa.policies.reduce_on_plateau(patience=0), 1e-2)
      >>> tx = optax.inject_hyperparams(optax.adamw)(learning_rate=rate)
      >>> params = jnp.ones(3)
      >>> opt_state = tx.init(params)
      >>> for loss in [1.0, 1.0]:
      ...     updates, opt_state = tx.update(params, opt_state, params, value=loss)
      ...     print(f"{float(oa.learning_rate(opt_state)):.4f}")
      0.0100
      0.0010
    """
    check_policy(policy)
    check_axis_name(axis_name)
    check_loss_is_enough(policy, "as_learning_rate")
    return PolicyLearningRate(policy, learning_rate, axis_name)
