"""A policy that owns an optimizer: it can skip, rewind and average besides scaling."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware._arguments import check_flag, check_policy
from optax_aware._types import AxisName, Policy
from optax_aware.policies import condition_based
from optax_aware.transforms._arguments import (
    check_axis_name,
    check_inner,
)
from optax_aware.transforms._average import AverageState, first_average, restart_average
from optax_aware.transforms._aware_state import AwareState, check_aware_params, check_aware_state
from optax_aware.transforms._awareness import init_awareness
from optax_aware.transforms._base_rate import guess_and_base_rate, scale_updates
from optax_aware.transforms._cooldown import cooldown_factor
from optax_aware.transforms._deciding import deciding
from optax_aware.transforms._direction_sign import direction_sign
from optax_aware.transforms._finite import all_usable, sums_of_squares
from optax_aware.transforms._inputs import check_axes, observe_losses
from optax_aware.transforms._leaves import as_array, or_zero, own, zero_where
from optax_aware.transforms._norms import observe_norms
from optax_aware.transforms._path import (
    PathState,
    advance_path,
    first_path,
    observe_path,
    observes_path,
    sample_step,
)
from optax_aware.transforms._snapshot import (
    SnapshotState,
    first_snapshot,
    restore_snapshot,
    take_snapshot,
)
from optax_aware.transforms._step import Stepped, step_unless


def aware(
    inner: optax.GradientTransformation,
    policy: Policy | None = None,
    *,
    learning_rate: ArrayLike | optax.Schedule | None = None,
    total_steps: ArrayLike | None = None,
    rewind: bool = True,
    average: bool | None = None,
    axis_name: AxisName | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Let a policy steer an optimizer: its rate, and which of its steps are taken at all.

    ``aware(inner)`` needs no learning rate, no schedule and no horizon: its policy finds the
    rate while it trains.

    Observes the loss handed to ``update`` as ``value``, a new ``validation_value`` where
    there is one, and whether the gradients are finite; changes the length of the updates,
    leaves a step out (parameters and inner state stay as they are) when the loss is not finite,
    when the squared norm of the gradients is not, in float32 (above a norm of 1.8e19 Adam's second
    moment would be infinite for good), or when the policy says so, goes back to a snapshot when
    the policy says so, and averages the parameters along their path. Prefer `scale_by_policy`
    where only the length of the updates matters and another optimizer is already complete.

    .. math::
      x_{t+1} = x_t - \eta_t u_t, \qquad \eta_t = \eta^{base}_t\, s_t\, c_t

    with :math:`u_t` the inner direction, :math:`s_t` the policy's scale after it has seen
    the loss at :math:`x_t`, and :math:`c_t` 1 until 70 % of ``total_steps`` and from there
    :math:`1 - \sqrt{r}` for the elapsed part :math:`r` of the rest.

    Args:
      inner: what gives the direction, for instance ``optax.scale_by_adam()``,
        ``optax.trace(0.9)``, ``optax.identity()``, or a chain of one with
        ``optax.add_decayed_weights``. A complete optimizer, whose updates already point
        downhill, is noticed and followed downhill as well; its own learning rate then
        multiplies ours.
      policy: what decides, for instance ``policies.greedy()``; None for
        ``policies.condition_based()``, which finds its rate.
      learning_rate: the base rate that the policy's scale multiplies, a number of at least 0
        or a schedule; None where the scale is the rate itself. To a policy that finds its
        rate a number is a guess to start from, which may be wrong, and a schedule a shape.
      total_steps: the number of updates of the whole run, at least 1, or None where it is
        not known. When it is known, the rate cools down over the last 30 %, as
        1 - sqrt(elapsed part).
      rewind: whether to keep the snapshot that rewinding needs, a copy of parameters and
        inner state. It is kept only for a policy that rewinds.
      average: whether to average the parameters for `eval_params`, at the cost of one more
        copy of them. None averages when the end of the run is not known: there is neither
        ``total_steps`` nor a schedule.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged, under
        ``pmap``, ``vmap`` and ``shard_map``. Not needed under ``jit`` with sharded arrays.

    Returns:
      A transformation whose ``update`` requires the keyword ``value`` and passes every
      keyword on to ``inner``. Its updates have the dtypes of the gradients.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.scale_by_adam())
      >>> params = jnp.array([1.0, -2.0])
      >>> opt_state = tx.init(params)
      >>> @jax.jit
      ... def train_step(params, opt_state):
      ...     value, grads = jax.value_and_grad(lambda x: jnp.sum(x**2))(params)
      ...     updates, opt_state = tx.update(grads, opt_state, params, value=value)
      ...     return optax.apply_updates(params, updates), opt_state
      >>> for _ in range(100):
      ...     params, opt_state = train_step(params, opt_state)
      >>> print(bool(jnp.sum(params**2) < 0.01))
      True

    References:
      Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization,
      2018, arXiv:1803.05407. Shamir and Zhang, Stochastic Gradient Descent for Non-smooth
      Optimization, 2013, arXiv:1212.1824 (polynomial-decay averaging). Hägele et al.,
      Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations, 2024,
      arXiv:2405.18392 (constant rate with cooldown).
    """
    check_inner(inner)
    if policy is None:
        policy = condition_based()
    check_policy(policy)
    check_flag("rewind", rewind)
    check_axis_name(axis_name)
    guess, rate_at = guess_and_base_rate(learning_rate, policy.finds_rate)
    cooldown_at = cooldown_factor(total_steps)
    keeps_snapshots = rewind and policy.rewinds
    follows_path = observes_path(policy)
    if average is None:
        averages = total_steps is None and not callable(learning_rate)
    else:
        check_flag("average", average)
        averages = bool(average)
    inner = optax.with_extra_args_support(inner)
    decide = deciding(policy, can_rewind=keeps_snapshots)

    def init(params: optax.Params) -> AwareState:
        inner_state = jax.tree.map(own, inner.init(params))
        first_rate = rate_at(jnp.int32(0)) * cooldown_at(jnp.int32(0))
        return AwareState(
            aware_awareness=init_awareness(policy, first_rate),
            aware_inner_state=inner_state,
            aware_direction_sign=direction_sign(inner, params),
            aware_snapshot=(
                first_snapshot(params, inner_state) if keeps_snapshots else optax.EmptyState()
            ),
            aware_average=first_average(params) if averages else optax.EmptyState(),
            aware_path=first_path(params) if follows_path else optax.EmptyState(),
        )

    def update(
        updates: optax.Updates,
        state: Any,
        params: Any = None,
        *,
        value: Any = None,
        validation_value: Any = None,
        **extra_args: Any,
    ) -> tuple[optax.Updates, AwareState]:
        check_aware_state(state, policy, rewind=keeps_snapshots, average=averages)
        check_aware_params(params, state, policy)
        gradients = jax.tree.map(as_array, updates)
        keywords = {**extra_args, "value": value}
        if validation_value is not None:
            keywords["validation_value"] = validation_value
        awareness, inner_state = state.aware_awareness, state.aware_inner_state
        step = awareness.aware_updates_seen
        cooldown = cooldown_at(step)
        shape = rate_at(step) * cooldown

        def inner_update(
            gradients: optax.Updates, inner_state: optax.OptState
        ) -> tuple[optax.Updates, optax.OptState]:
            return inner.update(gradients, inner_state, params, **keywords)

        check_axes({"gradients": gradients}, step, axis_name)
        squares = sums_of_squares(gradients)
        observation = observe_losses(step, value, validation_value, axis_name)._replace(
            gradients_finite=all_usable(gradients, squares, inner_state, inner_update, axis_name),
            rewindable=jnp.asarray(keeps_snapshots),
            guess=guess,
            shape=shape,
        )
        observation = observe_norms(
            policy.observes,
            awareness.aware_norms_wanted > 0,
            observation,
            gradients,
            squares,
            params,
            # What is not finite is left out of the update, and so of its measures.
            lambda: jax.tree.map(
                or_zero,
                scale_updates(inner_update(gradients, inner_state)[0], state.aware_direction_sign),
            ),
            axis_name,
        )
        path, path_sample = state.aware_path, None
        if isinstance(path, PathState):
            path_sample = sample_step(gradients, params, axis_name)
            observation = observe_path(path, path_sample, observation)
        snapshot = state.aware_snapshot
        settling = False
        if isinstance(snapshot, SnapshotState):
            settling = snapshot.snapshot_attempts_left > 0
        awareness, verdict = decide(awareness, observation, shape, cooldown, settling)
        held = verdict.skip | verdict.rewind
        if isinstance(snapshot, SnapshotState):
            snapshot, held = take_snapshot(verdict.keep, held, snapshot, params, inner_state)

        stepped = step_unless(
            held,
            inner_update,
            -state.aware_direction_sign * verdict.rate,
            Stepped(
                gradients,
                inner_state,
                state.aware_average,
                None if path_sample is None else path_sample.nothing(),
            ),
            params,
            path_sample,
        )
        new_updates, new_inner_state = stepped.updates, stepped.inner_state
        average_state = stepped.average
        if isinstance(average_state, AverageState):
            average_state = restart_average(average_state, verdict.restart_average)
        stays = held
        if isinstance(snapshot, SnapshotState):
            new_updates, new_inner_state, snapshot = restore_snapshot(
                verdict.rewind, snapshot, params, new_updates, new_inner_state, axis_name
            )
            stays = held & ~verdict.rewind
        new_updates = jax.tree.map(partial(zero_where, stays), new_updates)
        if isinstance(path, PathState) and path_sample is not None and stepped.sample is not None:
            path = advance_path(path, path_sample, stepped.sample, held, verdict.restart_average)
        return new_updates, AwareState(
            aware_awareness=awareness,
            aware_inner_state=new_inner_state,
            aware_direction_sign=state.aware_direction_sign,
            aware_snapshot=snapshot,
            aware_average=average_state,
            aware_path=path,
        )

    return optax.GradientTransformationExtraArgs(init, update)
