"""Gradient accumulation that averages losses too, with a length that may grow."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware._numbers import counted
from optax_aware._types import AxisName, Observation, Policy
from optax_aware.transforms._accumulation_length import accumulation_length
from optax_aware.transforms._arguments import (
    check_axis_name,
    check_inner,
    check_lengthens,
    check_state,
)
from optax_aware.transforms._awareness import AwarenessState, init_awareness
from optax_aware.transforms._base_rate import scale_updates
from optax_aware.transforms._deciding import deciding
from optax_aware.transforms._inputs import check_axes
from optax_aware.transforms._leaves import as_array, in_dtype_of, own, zeros_like
from optax_aware.transforms._micro_batches import (
    MicroBatchMeanState,
    fold_in,
    mean_gradients,
    mean_value,
    newest_validation_value,
    next_mean,
    no_mean,
    nothing_usable,
    read_micro_batch,
)
from optax_aware.transforms._skipped_update import holds_policy, policies_alone, rewinds_alone


class AccumulateState(NamedTuple):
    """The state of `accumulate`.

    Attributes:
      accumulation_mean: the mean of the micro-batches since the last update.
      accumulation_taken: how many there were, those left out included, int32.
      accumulation_length: how many of them make an update at present, int32.
      accumulation_updates: the number of updates so far, int32.
      accumulation_left_out: the number of micro-batches that were not finite, int32.
      accumulation_inner_state: the state of the inner optimizer.
      accumulation_awareness: what the policy has seen and decided; empty where there is none.
    """

    accumulation_mean: MicroBatchMeanState
    accumulation_taken: jax.Array
    accumulation_length: jax.Array
    accumulation_updates: jax.Array
    accumulation_left_out: jax.Array
    accumulation_inner_state: optax.OptState
    accumulation_awareness: AwarenessState | optax.EmptyState


def accumulate(
    inner: optax.GradientTransformation,
    every: ArrayLike | optax.Schedule,
    *,
    policy: Policy | None = None,
    max_length: ArrayLike | None = None,
    axis_name: AxisName | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Average gradients and losses over several micro-batches before each update.

    Observes gradients, ``value``, a new ``validation_value`` where there is one, and the
    ``weight`` of each micro-batch; hands their means to ``inner`` at the last micro-batch of
    each update, and zero updates to the caller at all others, which cost no work of ``inner``.
    Prefer it where a batch does not fit the memory, and to grow the batch where one would lower
    the rate. Prefer it to ``optax.MultiSteps`` where ``inner`` listens to the loss: that hands
    on the loss of the last micro-batch alone.

    .. math::
      \bar g = \frac{\sum_i w_i g_i}{\sum_i w_i}, \qquad
      \bar L = \frac{\sum_i w_i L_i}{\sum_i w_i}

    over the micro-batches :math:`i` of one update whose gradients and loss are finite; with a
    weight of 0 the loss does not matter. Others are left out and counted. If all are, the update
    is skipped: parameters and ``inner`` are left as they are, whatever it is made of. A policy in
    ``inner`` sees a loss of NaN, tells it in its report, and may rewind what `aware` holds.

    Schedules inside ``inner``, and ``total_steps``, count updates, not micro-batches. Put
    `accumulate` around `aware`, rather than inside: its policy then listens to means. Inside,
    `aware` itself leaves out what is not finite, and one more micro-batch takes its place.

    **A larger batch in place of a smaller rate.** A ``policy`` is shown the mean loss of every
    update, and its scale :math:`s` lengthens the accumulation: with :math:`k` for ``every``,

    .. math:: n = \min(\lceil k / s \rceil,\; n_{max})

    micro-batches make the next update, and the rate stays; the noise of gradient descent
    depends on their ratio alone (Smith et al. 2018). Once :math:`n_{max}` is reached, the rest
    goes to the rate, which is multiplied by :math:`s\,n_{max} / k`. A step that the policy
    skips leaves parameters and inner state as they are.

    Args:
      inner: any optimizer, complete or inside of `aware`.
      every: micro-batches for each update, a whole number in [1, 2**24], or a schedule of the
        number of updates so far, whose rates are rounded to whole numbers of at least 1.
      policy: what makes the accumulation longer, for instance
        ``policies.reduce_on_plateau(factor=0.5)``; None where ``every`` alone decides. It must
        observe the loss alone, and scale a base rate. For a policy that steers the rate, put
        `aware` inside.
      max_length: the largest length, a whole number in [1, 2**24]; required with a policy.
        Smith et al. go up to a tenth of the data.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged, under
        ``pmap``, ``vmap`` and ``shard_map``, by the ``weight`` that each device has: gradients are
        to be averaged alike before, ``psum(w * g) / psum(w)``. Not needed under ``jit`` with
        sharded arrays.

    Returns:
      A transformation whose ``update`` takes the keywords ``value``, ``validation_value`` and
      ``weight``, and passes others on to ``inner`` as they are at the last micro-batch.
      ``value`` is required where a policy listens. ``weight`` is the number of examples, or
      of tokens, in the micro-batch, where these differ: at least 0, 1 where it is not given.
      Its updates have the dtypes of the gradients; means are kept in at least float32.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.accumulate(optax.sgd(1.0), every=2)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> for gradient in [1.0, 3.0, float("nan"), 5.0]:
      ...     updates, opt_state = tx.update(jnp.array(gradient), opt_state, params)
      ...     print(float(updates), end=" ")
      0.0 -2.0 0.0 -5.0
      >>> print(int(oa.accumulation(opt_state).updates), int(oa.accumulation(opt_state).left_out))
      2 1

    References:
      S. Smith, P.-J. Kindermans, C. Ying and Q. Le, Don't Decay the Learning Rate, Increase
      the Batch Size, 2018, arXiv:1711.00489.
    """
    check_inner(inner)
    check_axis_name(axis_name)
    if policy is not None:
        check_lengthens(policy, max_length)
    decide = None if policy is None else deciding(policy)
    length_at = accumulation_length(every, max_length)
    inner = optax.with_extra_args_support(inner)

    def init(params: optax.Params) -> AccumulateState:
        awareness = optax.EmptyState()
        if policy is not None:
            awareness = init_awareness(policy)
        return AccumulateState(
            accumulation_mean=no_mean(params),
            accumulation_taken=jnp.int32(0),
            accumulation_length=length_at(jnp.int32(0), jnp.float32(1.0))[0],
            accumulation_updates=jnp.int32(0),
            accumulation_left_out=jnp.int32(0),
            accumulation_inner_state=jax.tree.map(own, inner.init(params)),
            accumulation_awareness=awareness,
        )

    def update(
        updates: optax.Updates,
        state: Any,
        params: Any = None,
        *,
        value: Any = None,
        validation_value: Any = None,
        weight: Any = 1.0,
        **extra_args: Any,
    ) -> tuple[optax.Updates, AccumulateState]:
        check_state(state, AccumulateState)
        gradients = jax.tree.map(as_array, updates)
        losses = {"value": value, "validation_value": validation_value, "weight": weight}
        check_axes({**losses, "gradients": gradients}, state.accumulation_taken, axis_name)
        has_value = value is not None or policy is not None
        micro_batch = read_micro_batch(
            gradients, value, validation_value, weight, axis_name, has_value=has_value
        )
        mean = fold_in(state.accumulation_mean, micro_batch)
        inner_state = state.accumulation_inner_state
        listens = holds_policy(inner_state)
        after = state._replace(
            accumulation_mean=mean,
            accumulation_taken=state.accumulation_taken + 1,
            accumulation_left_out=counted(state.accumulation_left_out, ~micro_batch.usable),
        )

        def hold() -> tuple[optax.Updates, optax.OptState]:
            return jax.tree.map(zeros_like, gradients), inner_state

        def wait() -> tuple[optax.Updates, AccumulateState]:
            return hold()[0], after

        def finish() -> tuple[optax.Updates, AccumulateState]:
            done = counted(state.accumulation_updates)
            empty = nothing_usable(mean)
            loss, validation_loss = mean_value(mean), newest_validation_value(mean)
            awareness = state.accumulation_awareness
            scale, skip = jnp.float32(1.0), jnp.asarray(False)
            if decide is not None:
                step = awareness.aware_updates_seen
                awareness, verdict = decide(awareness, Observation(loss, step, validation_loss))
                scale, skip = verdict.rate, verdict.skip
            length, factor = length_at(done, scale)
            keywords = dict(extra_args)
            if has_value:
                keywords["value"] = loss
            if listens or validation_value is not None:
                keywords["validation_value"] = validation_loss

            def advance() -> tuple[optax.Updates, optax.OptState]:
                means = mean_gradients(mean, gradients)
                new, next_inner_state = inner.update(means, inner_state, params, **keywords)
                if policy is not None:
                    new = scale_updates(new, factor)
                new = jax.tree.map(in_dtype_of, new, gradients)
                next_inner_state = jax.tree.map(in_dtype_of, next_inner_state, inner_state)
                if listens:
                    new = rewinds_alone(empty, new, inner_state, next_inner_state)
                    next_inner_state = policies_alone(empty, inner_state, next_inner_state)
                return new, next_inner_state

            # A policy inside is to see that nothing was usable; nothing else is to act on it.
            goes_on = jnp.where(empty, listens, ~skip)
            new_updates, next_inner_state = jax.lax.cond(goes_on, advance, hold)
            return new_updates, after._replace(
                accumulation_mean=next_mean(mean),
                accumulation_taken=jnp.int32(0),
                accumulation_length=length,
                accumulation_updates=done,
                accumulation_inner_state=next_inner_state,
                accumulation_awareness=awareness,
            )

        complete = after.accumulation_taken >= state.accumulation_length
        return jax.lax.cond(complete, finish, wait)

    return optax.GradientTransformationExtraArgs(init, update)
