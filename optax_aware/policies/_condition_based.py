"""The condition-based policy: finds a rate, holds it, and moves it on evidence alone."""

from functools import partial

import jax
import jax.core
import jax.numpy as jnp

from optax_aware._arguments import check_count, check_number
from optax_aware._numbers import counted
from optax_aware._types import Decision, Observation, Policy, Scalar
from optax_aware.policies._condition_acting import act
from optax_aware.policies._condition_listening import hear
from optax_aware.policies._condition_state import (
    PHASE_LISTENING,
    ConditionBasedState,
    Settings,
    first_state,
)
from optax_aware.policies._loss_guard import LARGEST_VALUE


def condition_based(
    listen_steps: Scalar | int = 3,
    growth: Scalar | float = 0.15,
    boost: Scalar | float = 0.17,
    threshold: Scalar | float = 2.5,
    factor: Scalar | float = 0.5,
    patience: Scalar | int = 6,
    drift_patience: Scalar | int = 30,
) -> Policy:
    r"""Find the largest rate that is safely useful, hold it, and move it on evidence alone.

    The scale is the learning rate itself, in :math:`x_{t+1} = x_t - \eta_t u_t` with gradient
    g and direction u. Needs `aware`, which measures the inner products.

    1. **Listen** for `listen_steps` values without a step: mean and deviation σ of the loss.
       Start with :math:`\eta = \max(0.3 \sigma / \langle g, u \rangle,
       10^{-4} \|x\| / \|u\|)`, a first step that is lost in the noise, but never more than
       a tenth of the length of the parameters.
    2. **Ramp**: :math:`\log \eta` grows by `growth`, by up to `boost` more while the new gradient
       agrees with the last update, and by as little as a fifth of `growth` while noise
       hides whether it does. The slope along the last update, after it was
       taken, :math:`h_t = \langle g_t, x_t - x_{t-1} \rangle`, is negative while a longer step
       would have been better. Its change of sign is found and dated by a cumulative sum
       (`statistics.upward_change`).
    3. **Choose** `factor` times the rate at which h last was negative, and go back to where the
       parameters were then.
    4. **Hold**, and revise: with the polynomial averages :math:`a^{16}` and :math:`a^2` of the
       parameters, :math:`\langle g_t, a^{16}_t - a^2_t \rangle` is the slope of the path as a
       whole. Where it is negative by more than two standard errors
       (`statistics.growing_mean`) the path still descends and the rate may rise; where it is
       positive, what is left is noise, and the rate falls. Either way it moves by at most a
       factor of e while the steps grow e-fold.
    5. **Guard**, always: a value that is not finite, or above the level by 8 deviations and a
       tenth of all progress, is skipped, unless such values come so often that they belong to
       the data. `patience` of them in a row, a level that has lost a quarter of all progress,
       or a mean over a long window that lies above an earlier one for certain, rewind and
       lower the rate; if the values are no better at the snapshot, the data have risen, and
       levels start from there. After `drift_patience` values in a row that are not believed,
       the data have changed: the levels start again, the rate stays.
       Where nothing can be undone (``rewind=False``), the rate is lowered as soon as updates
       end higher than they began.

    In the hold the ramp goes on at up to 7 % a step, up to a hundred times the found rate, while
    single updates clearly undershoot and the path still promises 0.3 % of all progress. With a
    schedule the rate refers to its peak so far. Derivatives of a run go through its updates, not
    through these decisions.

    Prefer it where no rate is known, or none is right for long. Decisions do not depend on an
    offset of the loss, and only through the rate on its scale and on those of the parameters.
    On a loss without noise whose steepest direction starts near its minimum, the slope turns
    late, and the guard finds the limit by going past it. Where tens of thousands of steps lie
    before the first spike, a rate chosen early is revised rarely. It knows training values
    alone.

    The name and the conditions are those of a concept of which no rule was published; the
    rule is ours.

    Args:
      listen_steps: values before the first update, at least 2.
      growth: of the logarithm of the rate at each step of the ramp, above 0.
      boost: the same, in addition at full agreement, at least 0.
      threshold: of the evidence that ends the ramp, above 0, in root mean squares of h.
      factor: the held rate over the rate at which the slope turned, in (0, 1].
      patience: values in a row that are not believed before a rewind, at least 1.
      drift_patience: the same before the data count as changed, more than `patience`.

      All defaults were chosen together on small tasks; experiments/README.md tells on which,
      and what was tried besides.

    Returns:
      A policy that finds its rate, rewinds, and observes inner products.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.condition_based(), total_steps=200)
      >>> params = jnp.array([3.0, -2.0])
      >>> opt_state = tx.init(params)
      >>> def step(carry, _):
      ...     params, opt_state = carry
      ...     value, grads = jax.value_and_grad(lambda x: x @ (x * jnp.array([1.0, 9.0])))(params)
      ...     updates, opt_state = tx.update(grads, opt_state, params, value=value)
      ...     return (optax.apply_updates(params, updates), opt_state), value
      >>> carry, values = jax.lax.scan(step, (params, opt_state), length=200)
      >>> bool(values[-1] < 1e-6)
      True

    References:
      A. G. Baydin et al., Online Learning Rate Adaptation with Hypergradient Descent, 2018,
      arXiv:1703.04782 (the slope along the last update); E. S. Page, Continuous inspection
      schemes, Biometrika 41 (1954) (the cumulative sum); Y. Wu et al., Understanding Short-
      Horizon Bias in Stochastic Meta-Optimization, 2018, arXiv:1803.02021 (why a positive slope
      alone never lowers the rate); M. Ivgi et al., DoG is SGD's Best Friend, 2023,
      arXiv:2302.12022 (the distance travelled as a measure of the rate); O. Shamir and
      T. Zhang, 2013, arXiv:1212.1824 (polynomial averages).
    """
    check_count("listen_steps", listen_steps, 2)
    check_number("growth", growth, 0.0, open_low=True)
    check_number("boost", boost, 0.0)
    check_number("threshold", threshold, 0.0, open_low=True)
    check_number("factor", factor, 0.0, 1.0, open_low=True)
    check_count("patience", patience, 1)
    check_count("drift_patience", drift_patience, 2)
    known = not any(isinstance(count, jax.core.Tracer) for count in (patience, drift_patience))
    if known and float(drift_patience) <= float(patience):
        raise ValueError(
            f"drift_patience must be more than patience, got drift_patience={drift_patience} "
            f"and patience={patience}."
        )
    settings = Settings(listen_steps, growth, boost, threshold, factor, patience, drift_patience)

    def update(
        state: ConditionBasedState, observation: Observation
    ) -> tuple[ConditionBasedState, Decision]:
        # Decisions are no smooth function of what led to them, and have no derivatives.
        state, observation = jax.lax.stop_gradient((state, observation))
        value = jnp.asarray(observation.value, jnp.float32)
        finite = jnp.isfinite(value) & jnp.asarray(observation.gradients_finite)
        value = jnp.clip(jnp.where(finite, value, 0.0), -LARGEST_VALUE, LARGEST_VALUE)
        after, decision = jax.lax.cond(
            state.condition_phase == PHASE_LISTENING,
            partial(hear, settings),
            partial(act, settings),
            state,
            observation,
            value,
            finite,
        )
        seen = counted(state.condition_nonfinite_seen, ~finite)
        return after._replace(condition_nonfinite_seen=seen), decision

    return Policy(
        first_state,
        update,
        observes=(
            "direction_norm",
            "params_norm",
            "gradient_dot_direction",
            "gradient_dot_update",
            "previous_gradient_dot_update",
            "gradient_dot_path",
            "gradient_dot_lag",
        ),
        rewinds=True,
        finds_rate=True,
    )
