"""The moment at which a stream that was negative becomes positive."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_number
from optax_aware._numbers import SMALLEST_NORMAL, counted
from optax_aware._types import Scalar
from optax_aware.statistics._root_mean_square import updated_root_mean_square
from optax_aware.statistics._statistic import Statistic


class UpwardChangeState(NamedTuple):
    """The cumulative sum and the scale of its terms.

    Attributes:
      upward_size: the running root mean square of the values, float32.
      upward_score: the cumulative sum, at least 0, float32.
      upward_age: how many values ago it was last 0, int32.
    """

    upward_size: jax.Array
    upward_score: jax.Array
    upward_age: jax.Array


class UpwardChange(NamedTuple):
    """What speaks for a change, and when it happened.

    Attributes:
      score: the cumulative sum of normalised values since it was last 0, float32.
      steps_since_zero: how many values ago the score was last 0: the maximum-likelihood
        estimate of the time since the change; 0 where the score is 0; int32.
      alarm: whether the score is above the threshold, bool.
    """

    score: jax.Array
    steps_since_zero: jax.Array
    alarm: jax.Array


def upward_change(
    threshold: Scalar | float = 2.5,
    allowance: Scalar | float = 0.1,
    decay: Scalar | float = 0.9,
) -> Statistic:
    r"""Detect and date the change of a stream from negative to positive (one-sided CUSUM).

    Each value counts in units of the running root mean square of the values, so that
    neither their size nor its slow change matters, and no single value counts for more
    than :math:`1 / \sqrt{1 - \text{decay}}`.

    .. math::
        r_t^2 = \text{decay} \cdot r_{t-1}^2 + (1 - \text{decay}) x_t^2, \quad
        S_t = \max(0, S_{t-1} + x_t / r_t - \text{allowance})

    The first value other than zero counts as one: :math:`r_t = |x_t|`.

    The defaults find a change early at the price of false alarms: of 10 000 runs of 1000
    Gaussian values, 12 % alarm at a mean of -1 standard deviations, with threshold 5 0.2 %; at
    a mean of -0.5 half of the runs have alarmed after 90 values, and at 0 after 10. For
    Student's t with 3 degrees of freedom and a mean of -1 standard deviations, two thirds do.
    Where :math:`x_t = 1.15^{t - c} - 1` with noise of 0.3, as when a rate grows by 15 % a step
    and passes the best one at c, nine alarms in ten come 3 to 5 steps after c, and the first
    value since the score was 0 lies within 3 steps of it.

    Args:
      threshold: of the score, above which there is an alarm, at least 0.
      allowance: what each value must exceed to count, at least 0, in units of the root
        mean square.
      decay: of the running mean square for each value, in [0, 1).

    Returns:
      A statistic whose estimates are `UpwardChange`.

    Raises:
      ValueError: if an argument is not a number in its range.

    Example:
      >>> from optax_aware import statistics
      >>> statistic = statistics.upward_change()
      >>> state = statistic.init()
      >>> for value in (-1.0, -1.0, 1.0, 1.0, 1.0):
      ...     state, estimate = statistic.update(state, value)
      >>> round(float(estimate.score), 3), int(estimate.steps_since_zero), bool(estimate.alarm)
      (2.7, 3, True)

    References:
      E. S. Page, Continuous inspection schemes, Biometrika 41 (1954),
      doi:10.1093/biomet/41.1-2.100;
      D. V. Hinkley, Inference about the change-point from cumulative sum tests,
      Biometrika 58 (1971), doi:10.1093/biomet/58.3.509
    """
    check_number("threshold", threshold, 0.0)
    check_number("allowance", allowance, 0.0)
    check_number("decay", decay, 0.0, 1.0, open_high=True)

    def init() -> UpwardChangeState:
        return UpwardChangeState(
            upward_size=jnp.zeros((), jnp.float32),
            upward_score=jnp.zeros((), jnp.float32),
            upward_age=jnp.zeros((), jnp.int32),
        )

    def update(state: UpwardChangeState, value: Scalar) -> tuple[UpwardChangeState, UpwardChange]:
        value = jnp.asarray(value, jnp.float32)
        finite = jnp.isfinite(value)
        value = jnp.where(finite, value, 0.0)
        unknown = state.upward_size < SMALLEST_NORMAL
        gain = jnp.where(unknown, 1.0, 1.0 - jnp.asarray(decay, jnp.float32))
        size = updated_root_mean_square(state.upward_size, value, gain)
        silent = size < SMALLEST_NORMAL
        normalised = jnp.where(silent, 0.0, value / jnp.where(silent, 1.0, size))
        term = normalised - jnp.asarray(allowance, jnp.float32)
        score = jnp.maximum(state.upward_score + term, 0.0)
        older = counted(state.upward_age)
        advanced = UpwardChangeState(
            upward_size=size,
            upward_score=score,
            upward_age=jnp.where(score == 0.0, 0, older),
        )
        state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), advanced, state)
        estimate = UpwardChange(
            score=state.upward_score,
            steps_since_zero=state.upward_age,
            alarm=state.upward_score > jnp.asarray(threshold, jnp.float32),
        )
        return state, estimate

    return Statistic(init, update)
