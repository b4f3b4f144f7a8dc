"""The optimizers of everyday use, steered by a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax.typing import ArrayLike, DTypeLike

from optax_aware._types import AxisName, Policy
from optax_aware.transforms._aware import aware


def aware_sgd(
    *,
    momentum: ArrayLike | None = None,
    nesterov: bool = False,
    accumulator_dtype: DTypeLike | None = None,
    policy: Policy | None = None,
    learning_rate: ArrayLike | optax.Schedule | None = None,
    total_steps: ArrayLike | None = None,
    rewind: bool = True,
    average: bool | None = None,
    axis_name: AxisName | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Let a policy steer stochastic gradient descent, with or without momentum.

    Observes and changes what `aware` does. It stands for ``aware(optax.trace(momentum))``, or
    for ``aware(optax.identity())`` without momentum; prefer `aware` for a direction of your
    own, for instance with ``optax.add_decayed_weights``.

    .. math:: m_t = \mu m_{t-1} + g_t, \qquad x_{t+1} = x_t - \eta_t m_t

    Args:
      momentum: the decay :math:`\mu`, in [0, 1), as in ``optax.sgd``; None for none and for
        no memory of it.
      nesterov: whether to look ahead along the momentum.
      accumulator_dtype: the dtype of :math:`m`; None for that of the parameters.
      policy: what decides; None for ``policies.condition_based()``, which finds its rate.
      learning_rate: the base rate, a number of at least 0 or a schedule; None where the
        policy's scale is the rate itself. To a policy that finds its rate a number is a
        guess to start from.
      total_steps: the number of updates of the whole run, at least 1, or None where it is not
        known. When it is known, the rate cools down over the last 30 %, as
        1 - sqrt(elapsed part).
      rewind: whether to keep the copy of parameters and inner state that rewinding needs.
      average: whether to average the parameters for `eval_params`; None averages when the end
        of the run is not known.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged.

    Returns:
      A transformation whose ``update`` requires the keyword ``value``.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware_sgd(momentum=0.9, policy=oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> for _ in range(2):
      ...     updates, opt_state = tx.update(jnp.array(1.0), opt_state, params, value=0.5)
      ...     print(f"{float(updates):.2f}")
      -0.10
      -0.19

    References:
      Sutskever et al., On the Importance of Initialization and Momentum in Deep Learning,
      ICML 2013.
    """
    inner = (
        optax.identity()
        if momentum is None
        else optax.trace(momentum, nesterov=nesterov, accumulator_dtype=accumulator_dtype)
    )
    return aware(
        inner,
        policy,
        learning_rate=learning_rate,
        total_steps=total_steps,
        rewind=rewind,
        average=average,
        axis_name=axis_name,
    )


def aware_adam(
    *,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    eps_root: ArrayLike = 0.0,
    mu_dtype: DTypeLike | None = None,
    nesterov: bool = False,
    policy: Policy | None = None,
    learning_rate: ArrayLike | optax.Schedule | None = None,
    total_steps: ArrayLike | None = None,
    rewind: bool = True,
    average: bool | None = None,
    axis_name: AxisName | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Let a policy steer Adam.

    Observes and changes what `aware` does. It stands for ``aware(optax.scale_by_adam(...))``.
    Prefer `aware_adamw` where weights are to decay.

    .. math:: x_{t+1} = x_t - \eta_t \frac{\hat m_t}{\sqrt{\hat v_t + \epsilon_{root}} + \epsilon}

    with :math:`\hat m` and :math:`\hat v` the means of the gradients and of their squares.

    Args:
      b1: the decay of the mean of the gradients, in [0, 1), as in ``optax.adam``, as are the
        defaults of the next five.
      b2: the decay of the mean of their squares, in [0, 1).
      eps: what is added to the root of that mean, above 0.
      eps_root: what is added inside the root, at least 0; above 0 where one differentiates
        through the optimizer.
      mu_dtype: the dtype of the first mean; None for that of the parameters.
      nesterov: whether to look ahead along the first mean.
      policy: what decides; None for ``policies.condition_based()``, which finds its rate.
      learning_rate: the base rate, a number of at least 0 or a schedule; None where the
        policy's scale is the rate itself. To a policy that finds its rate a number is a
        guess to start from.
      total_steps: the number of updates of the whole run, at least 1, or None where it is not
        known. When it is known, the rate cools down over the last 30 %, as
        1 - sqrt(elapsed part).
      rewind: whether to keep the copy of parameters and inner state that rewinding needs.
      average: whether to average the parameters for `eval_params`; None averages when the end
        of the run is not known.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged.

    Returns:
      A transformation whose ``update`` requires the keyword ``value``.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware_adam(policy=oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array([1.0, -2.0])
      >>> updates, opt_state = tx.update(params, tx.init(params), params, value=0.5)
      >>> print([round(float(update), 3) for update in updates])
      [-0.1, 0.1]

    References:
      Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014, arXiv:1412.6980.
      Dozat, Incorporating Nesterov Momentum into Adam, ICLR workshop 2016 (``nesterov``).
    """
    inner = optax.scale_by_adam(
        b1=b1,
        b2=b2,
        eps=eps,
        eps_root=eps_root,
        mu_dtype=mu_dtype,
        nesterov=nesterov,
    )
    return aware(
        inner,
        policy,
        learning_rate=learning_rate,
        total_steps=total_steps,
        rewind=rewind,
        average=average,
        axis_name=axis_name,
    )


def aware_adamw(
    *,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    eps_root: ArrayLike = 0.0,
    mu_dtype: DTypeLike | None = None,
    weight_decay: jax.Array | float | optax.Schedule = 1e-4,
    mask: Any | Callable[[optax.Params], Any] | None = None,
    nesterov: bool = False,
    policy: Policy | None = None,
    learning_rate: ArrayLike | optax.Schedule | None = None,
    total_steps: ArrayLike | None = None,
    rewind: bool = True,
    average: bool | None = None,
    axis_name: AxisName | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Let a policy steer Adam with decoupled weight decay.

    Observes and changes what `aware` does. It stands for ``aware`` of a chain of
    ``optax.scale_by_adam`` and ``optax.add_decayed_weights``: the rate that the policy decides
    on multiplies the decay as well, as in ``optax.adamw``.

    .. math::
      x_{t+1} = x_t - \eta_t \left(
      \frac{\hat m_t}{\sqrt{\hat v_t + \epsilon_{root}} + \epsilon} + \lambda x_t \right)

    Args:
      b1: the decay of the mean of the gradients, in [0, 1), as in ``optax.adam``, as are the
        defaults of the next five.
      b2: the decay of the mean of their squares, in [0, 1).
      eps: what is added to the root of that mean, above 0.
      eps_root: what is added inside the root, at least 0; above 0 where one differentiates
        through the optimizer.
      mu_dtype: the dtype of the first mean; None for that of the parameters.
      weight_decay: :math:`\lambda`, at least 0, as in ``optax.adamw``; a number or a schedule.
      mask: which parameters decay: a tree of booleans that is a prefix of the parameters, or a
        function from parameters to one; None for all. The function is also asked about small
        stand-ins of the parameters, of the same structure and ranks.
      nesterov: whether to look ahead along the first mean.
      policy: what decides; None for ``policies.condition_based()``, which finds its rate.
      learning_rate: the base rate, a number of at least 0 or a schedule; None where the
        policy's scale is the rate itself. To a policy that finds its rate a number is a
        guess to start from.
      total_steps: the number of updates of the whole run, at least 1, or None where it is not
        known. When it is known, the rate cools down over the last 30 %, as
        1 - sqrt(elapsed part).
      rewind: whether to keep the copy of parameters and inner state that rewinding needs.
      average: whether to average the parameters for `eval_params`; None averages when the end
        of the run is not known.
      axis_name: the mapped axis, or a tuple of them, over which the losses are averaged.

    Returns:
      A transformation whose ``update`` requires the keyword ``value``.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware_adamw(
      ...     weight_decay=0.5, policy=oa.policies.constant(), learning_rate=0.1, total_steps=100
      ... )
      >>> params = jnp.array([1.0, -2.0])
      >>> updates, opt_state = tx.update(params, tx.init(params), params, value=0.5)
      >>> print([round(float(update), 3) for update in updates])
      [-0.15, 0.2]

    References:
      Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017, arXiv:1711.05101.
    """
    inner = optax.chain(
        optax.scale_by_adam(
            b1=b1,
            b2=b2,
            eps=eps,
            eps_root=eps_root,
            mu_dtype=mu_dtype,
            nesterov=nesterov,
        ),
        optax.add_decayed_weights(weight_decay, mask),
    )
    return aware(
        inner,
        policy,
        learning_rate=learning_rate,
        total_steps=total_steps,
        rewind=rewind,
        average=average,
        axis_name=axis_name,
    )
