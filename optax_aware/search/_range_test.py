"""The learning-rate range test."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from optax_aware._arguments import check_integer, check_number
from optax_aware.search._arguments import as_function, check_loss, check_range
from optax_aware.search._batches import BatchSource, chunks
from optax_aware.search._range_result import RangeTest, read_curve
from optax_aware.search._rising_run import FAILURES_TO_STOP, RISING, begin
from optax_aware.transforms._arguments import check_inner
from optax_aware.transforms._direction_sign import direction_sign

BATCHES_AT_ONCE = 16
"""Of a loader or an iterator: what is held in memory, and what may be computed past the end."""
_FIRST_SHARE = 0.1
_SMOOTHING_SHARE = 0.02
_LEAST_STEPS = 20
_LEAST_SMOOTHING = _SMOOTHING_SHARE * _LEAST_STEPS


def range_test(
    loss_fn: Callable[[Any, Any], Any],
    params: optax.Params,
    batches: Any,
    inner: optax.GradientTransformation,
    *,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    num_steps: int = 200,
    smoothing_steps: float | None = None,
    divergence_factor: float = 2.0,
    descent_share: float = 0.85,
) -> RangeTest:
    r"""Raise the learning rate step by step until the loss diverges, and suggest a rate.

    Observes the loss of every minibatch; trains a copy, so that ``params`` and whatever the
    caller holds stay as they are. Prefer it to a search when one short run is all there is
    time for: it costs ``num_steps`` updates at most. Prefer `coarse_to_fine` when a few
    hundred updates of several candidates are affordable, and `aware` to do without a rate.

    .. math::
      \eta_t = \eta_{min} (\eta_{max} / \eta_{min})^{t / (n - 1)}, \qquad
      \ell(\eta^*) = \ell_0 - s (\ell_0 - \ell_{least})

    with :math:`\ell` the smoothed loss, :math:`\ell_0` its level at the lowest rates and
    :math:`s` the ``descent_share``. All steps are one compiled loop, which ends at the step
    at which the loss diverges. A call with the very same ``loss_fn`` and ``inner`` as the
    last one, and the same shapes, does not compile again.

    Args:
      loss_fn: maps parameters and a batch to a scalar loss; of any sign.
      params: the parameters to start from: usually fresh ones.
      batches: a pytree of arrays (a dict, a tuple) whose first axis is the step, read round
        and round; or a list, a loader or an iterator of batches of the same shapes, read in
        portions of 16. An iterator needs ``num_steps`` of them at most.
      inner: what gives the direction, without a rate: ``optax.scale_by_adam()``,
        ``optax.trace(0.9)``. Handed a complete optimizer, whose own rate then multiplies the
        one that is tested, it still goes downhill.
      min_rate: the first rate, above 0. Low enough for nothing to happen; 1e-6 is for the
        suite of experiments, whose tuned rates lie between 1e-3 and 3.
      max_rate: the last rate, above ``min_rate``. 10 as in fastai's finder.
      num_steps: the number of steps from first to last rate, at least 20. 200 agreed with
        tuned schedules more often than 100 (``python -m experiments range-test``).
      smoothing_steps: the reach of smoothing, at least 0.4 (a neighbour then counts for a
        twelfth of the loss itself); None for a fiftieth of the steps.
      divergence_factor: the loss has diverged when for three steps it and its running mean
        are above the least mean by this many times what it had fallen (or four times its
        noise, or 5 % of the first loss, where that is more). Above 0.
      descent_share: the share of the fall that lies behind at the suggested rate, above 0 and
        at most 1; 0.5 is the middle of the slope. 0.85 agreed best with tuned peak
        rates on half of the development tasks, where 0.5 was several times too low.

    Returns:
      A `RangeTest`: the curve, its regions, the suggestion and its uncertainty. Where nothing
      falls the suggestion is None, and printing the result says why.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> curvatures = jnp.array([1.0, 0.1])  # diverges above a rate of 2
      >>> batches = 0.3 * jax.random.normal(jax.random.key(0), (200, 2))
      >>> result = oa.search.range_test(
      ...     lambda x, batch: jnp.sum(curvatures * (x - batch) ** 2) / 2,
      ...     jnp.array([3.0, -2.0]), batches, optax.identity(),
      ... )
      >>> print(result.stopped, 0.05 < result.suggestion < 2.0)
      diverged True

    References:
      Smith, Cyclical Learning Rates for Training Neural Networks, 2017, arXiv:1506.01186,
      section 3.3. Howard and Gugger, Fastai: A Layered API for Deep Learning, 2020,
      arXiv:2002.04688 (a hundred steps, the rate raised geometrically, an early stop).
    """
    loss_fn = as_function(loss_fn)
    check_inner(inner)
    check_range(min_rate, max_rate)
    check_integer("num_steps", num_steps, _LEAST_STEPS)
    check_number("divergence_factor", divergence_factor, 0.0, open_low=True)
    check_number("descent_share", descent_share, 0.0, 1.0, open_low=True)
    if smoothing_steps is None:
        smoothing_steps = _SMOOTHING_SHARE * num_steps
    check_number("smoothing_steps", smoothing_steps, _LEAST_SMOOTHING)

    source = BatchSource(batches, num_steps)
    size = num_steps if source.in_memory else BATCHES_AT_ONCE
    rates = np.geomspace(min_rate, max_rate, num_steps).astype(np.float32)
    first_steps = round(_FIRST_SHARE * num_steps)
    sign = direction_sign(optax.with_extra_args_support(inner), params)
    run = begin(params, inner, num_steps)
    rise = RISING.of(loss_fn, inner)
    for first, count in chunks(num_steps, size):
        stacked, offset = source.take(first, count, size)
        if first == 0:
            check_loss(loss_fn, run.params, stacked)
        run = rise(
            run,
            stacked,
            jnp.int32(offset),
            jnp.int32(count),
            rates,
            sign,
            jnp.float32(math.exp(-1.0 / smoothing_steps)),
            jnp.float32(divergence_factor),
            first_steps=first_steps,
        )
        if run.stopped:
            break
    done = int(run.steps_done)
    return read_curve(
        rates[:done].astype(float),
        np.asarray(run.losses[:done], float),
        stopped=bool(run.stopped),
        spoilt=int(run.spoilt) >= FAILURES_TO_STOP,
        num_steps=num_steps,
        first_steps=first_steps,
        smoothing_steps=float(smoothing_steps),
        descent_share=float(descent_share),
    )
