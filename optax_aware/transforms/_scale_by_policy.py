"""A policy as a link of an optax chain."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import optax

from optax_aware._arguments import check_policy
from optax_aware._types import AxisName, Policy
from optax_aware.transforms._arguments import (
    check_axis_name,
    check_loss_is_enough,
    check_state,
)
from optax_aware.transforms._awareness import AwarenessState, init_awareness
from optax_aware.transforms._base_rate import scale_updates
from optax_aware.transforms._deciding import deciding
from optax_aware.transforms._inputs import observe_losses
from optax_aware.transforms._leaves import zero_where


def scale_by_policy(
    policy: Policy, *, axis_name: AxisName | None = None
) -> optax.GradientTransformationExtraArgs:
    r"""Multiply the updates by the scale that a policy decides on.

    Observes the loss handed to ``update`` as ``value`` (and ``validation_value``, when
    there is a new one); changes the length of the updates and nothing else. Put it *after*
    the optimizer whose rate it steers: in front of Adam a scale has no effect, since Adam
    is invariant to it. A step whose loss is not finite, or that the policy skips, gets
    zero updates; the optimizer in front of it has moved on all the same, and gradients are
    not looked at. To protect the optimizer's own state too, prefer `aware`.

    .. math:: u_t \leftarrow s_t u_t

    with :math:`s_t` the policy's scale after it has seen the loss of step :math:`t`.

    Args:
      policy: what decides, for instance ``policies.reduce_on_plateau()``. It must not
        observe norms: they belong to the optimizer that `aware` owns.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged, under
        ``pmap``, ``vmap`` and ``shard_map``. Not needed under ``jit`` with sharded arrays.

    Returns:
      A transformation whose ``update`` requires the keyword ``value``.

    Raises:
      ValueError: if ``policy`` is not a `Policy`, or observes norms.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
      >>> tx = optax.chain(optax.sgd(1.0), oa.scale_by_policy(policy))
      >>> params = jnp.array(3.0)
      >>> opt_state = tx.init(params)
      >>> for loss in [2.0, 2.0, 2.0]:
      ...     updates, opt_state = tx.update(jnp.array(1.0), opt_state, params, value=loss)
      ...     print(f"{float(updates):.3f}")
      -1.000
      -0.500
      -0.250
    """
    check_policy(policy)
    check_axis_name(axis_name)
    check_loss_is_enough(policy, "scale_by_policy")
    decide = deciding(policy)

    def init(params: optax.Params) -> AwarenessState:
        del params
        return init_awareness(policy)

    def update(
        updates: optax.Updates,
        state: Any,
        params: Any = None,
        *,
        value: Any = None,
        validation_value: Any = None,
        **extra_args: Any,
    ) -> tuple[optax.Updates, AwarenessState]:
        del params, extra_args
        check_state(state, AwarenessState)
        step = state.aware_updates_seen
        observation = observe_losses(step, value, validation_value, axis_name)
        after, verdict = decide(state, observation)
        scaled = scale_updates(updates, verdict.rate)
        return jax.tree.map(partial(zero_where, verdict.skip), scaled), after

    return optax.GradientTransformationExtraArgs(init, update)
