"""Lower the rate when a value has stopped improving."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_choice, check_count, check_number
from optax_aware._numbers import counted
from optax_aware._types import Condition, Decision, Evidence, Observation, Policy, Scalar
from optax_aware.policies._improvement import improves
from optax_aware.policies._scale import bounded, finite_difference
from optax_aware.statistics import BlockMeanState, block_mean


class ReduceOnPlateauState(NamedTuple):
    """What `reduce_on_plateau` remembers.

    Attributes:
      plateau_scale: the present scale, float32.
      plateau_best: the best mean of a window so far; infinite before the first, float32.
      plateau_first: the mean of the first window; infinite before it is complete, float32.
      plateau_mean: the mean of the last complete window, float32.
      plateau_error: the standard error of that mean, float32.
      plateau_bad_windows: windows since the last improvement or reduction, int32.
      plateau_cooldown_left: windows that are still not counted, int32.
      plateau_condition: the condition found at the last complete window, int32.
      plateau_validated: 1 once validation values alone are judged, int32.
      plateau_nonfinite_seen: steps at which a value was NaN or infinite, int32.
      plateau_window: the window that is being filled.
    """

    plateau_scale: jax.Array
    plateau_best: jax.Array
    plateau_first: jax.Array
    plateau_mean: jax.Array
    plateau_error: jax.Array
    plateau_bad_windows: jax.Array
    plateau_cooldown_left: jax.Array
    plateau_condition: jax.Array
    plateau_validated: jax.Array
    plateau_nonfinite_seen: jax.Array
    plateau_window: BlockMeanState


def reduce_on_plateau(
    factor: Scalar | float = 0.1,
    patience: Scalar | int = 10,
    rtol: Scalar | float = 1e-4,
    atol: Scalar | float = 0.0,
    cooldown: Scalar | int = 0,
    window: Scalar | int = 1,
    min_scale: Scalar | float = 0.0,
    mode: str = "min",
    *,
    warmup_steps: Scalar | int = 0,
    min_change: Scalar | float = 0.0,
    monitor: str = "auto",
) -> Policy:
    r"""Lower the rate by a factor when a value has stopped improving.

    Also known as performance scheduling. Prefer it where a validation loss is measured
    every so often and a plateau of it means that the rate is too high for what is left to
    learn. It only ever lowers the rate, so start it from the largest rate that is stable.

    The mean of each window is judged. It improves when

    .. math:: m < b - \text{rtol} \cdot |b| - \text{atol} \quad (\text{mode "min"}), \qquad
              m > b + \text{rtol} \cdot |b| + \text{atol} \quad (\text{mode "max"})

    with :math:`b` the best mean so far; taking :math:`|b|` keeps the rule right for negative
    values. More than `patience` windows in a row without improvement multiply the scale by
    `factor`; after that, `cooldown` windows may set a new best but are not counted.

    **What is judged.** With ``monitor="auto"``, `value` until the first finite
    `validation_value` arrives, from then on validation values alone: the policy starts afresh
    with the first of them, and keeps nothing but its scale. Windows, patience and cooldown then
    count validations, and the scale is held between them. Where the first validation comes
    late, name ``monitor="validation_value"``, and training values cut nothing before it.

    **Noise.** The best of many noisy values is a lucky one, which later values miss even
    while their mean falls; and after a spike nothing beats the old best for a while, however
    fast the loss falls. With ``window=1`` a training loss is therefore cut again and again.
    The default suits validation values, and is what PyTorch and optax do. For a training
    loss, name the window: about an epoch, or 20 steps and more, so that the standard error of
    a window's mean is small against the progress made during one. On 50 streams whose mean falls
    from 1.3 to 0.4 in 300 steps under noise of 0.3, ``window=20`` leaves the scale at 1 where
    ``window=1`` ends below 1e-6; on flat ones it still reduces.

    **The same decisions elsewhere.** PyTorch counts patience as we do (it reduces at more
    than `patience` bad epochs); optax reduces one window earlier.

    ==================  =================================  ===============================
    here                ``ReduceLROnPlateau`` (PyTorch)    ``contrib.reduce_on_plateau``
    ==================  =================================  ===============================
    ``patience=p``      ``patience=p``                     ``patience=p + 1``
    ``rtol=r``          ``threshold=r``                    ``rtol=r``
    ``atol=a, rtol=0``  ``threshold=a``, mode ``"abs"``    ``atol=a``, with its own rtol
    ``window=w``        (none)                             ``accumulation_size=w``
    ``min_scale=s``     ``min_lr=s * base rate``           ``min_scale=s``
    ``min_change=c``    ``eps=c * base rate``              (none, 0)
    ==================  =================================  ===============================

    They differ from this policy, by our choice, on values that are not finite (held and
    counted here; a reason to reduce for ever, or a best that nothing beats, there), on
    relative thresholds of negative values, and in optax at ``patience=0``, which reduces at
    every improvement and has no counterpart here.

    Args:
      factor: multiplies the scale, in (0, 1]. Default: PyTorch's and optax's.
      patience: windows without improvement that are tolerated, at least 0. Default:
        PyTorch's.
      rtol: the part of the best mean's magnitude that an improvement must exceed, in [0, 1].
        Default: PyTorch's and optax's.
      atol: the amount that an improvement must exceed, in units of the value, at least 0.
      cooldown: windows after a reduction that are not counted, at least 0.
      window: finite values a window, at least 1.
      min_scale: the lowest scale, in [0, 1]. With 0 the scale ends at exactly 0 once it
        falls below the smallest normal float32, 1.2e-38.
      mode: ``"min"`` for a loss, ``"max"`` for an accuracy; the condition then says
        ``DESCENDING`` where the value improves and ``RISING`` where it worsens.
      warmup_steps: steps at the start of the run whose values are not listened to, at least 0.
        While a schedule still raises the rate, the loss says nothing about a plateau.
      min_change: reductions of no more than this are not made, at least 0.
      monitor: what is judged: ``"auto"``, ``"value"`` or ``"validation_value"``. A validation
        value of NaN means that there is none at this step.

    Returns:
      A policy whose scale starts at 1 and never rises.

    Raises:
      ValueError: if an argument is outside its range.

    Example:
      >>> import optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(factor=0.5, patience=1)
      >>> oa.policies.replay(policy, [4.0, 3.0, 3.0, 3.0, 2.0]).scale.tolist()
      [1.0, 1.0, 1.0, 0.5, 0.5]

    References:
      A. Senior, G. Heigold, M. Ranzato, K. Yang, An empirical study of learning rates in deep
      neural networks for speech recognition, ICASSP 2013, doi:10.1109/ICASSP.2013.6638963
    """
    check_number("factor", factor, 0.0, 1.0, open_low=True)
    check_count("patience", patience)
    check_number("rtol", rtol, 0.0, 1.0)
    check_number("atol", atol, 0.0)
    check_count("cooldown", cooldown)
    check_number("min_scale", min_scale, 0.0, 1.0)
    check_choice("mode", mode, ("min", "max"))
    check_count("warmup_steps", warmup_steps)
    check_number("min_change", min_change, 0.0)
    check_choice("monitor", monitor, ("auto", "value", "validation_value"))
    windows = block_mean(window)
    sign = 1.0 if mode == "min" else -1.0

    def init() -> ReduceOnPlateauState:
        return ReduceOnPlateauState(
            plateau_scale=jnp.ones((), jnp.float32),
            plateau_best=jnp.full((), sign * jnp.inf, jnp.float32),
            plateau_first=jnp.full((), jnp.inf, jnp.float32),
            plateau_mean=jnp.full((), jnp.inf, jnp.float32),
            plateau_error=jnp.full((), jnp.inf, jnp.float32),
            plateau_bad_windows=jnp.zeros((), jnp.int32),
            plateau_cooldown_left=jnp.zeros((), jnp.int32),
            plateau_condition=jnp.array(Condition.LISTENING, jnp.int32),
            plateau_validated=jnp.full((), monitor == "validation_value", jnp.int32),
            plateau_nonfinite_seen=jnp.zeros((), jnp.int32),
            plateau_window=windows.init(),
        )

    def listen(
        state: ReduceOnPlateauState, observation: Observation
    ) -> tuple[ReduceOnPlateauState, jax.Array, jax.Array]:
        """Return the state to judge with, what to judge, and whether a value was not finite."""
        value = jnp.asarray(observation.value, jnp.float32)
        validation_value = jnp.asarray(observation.validation_value, jnp.float32)
        nonfinite = ~jnp.isfinite(value) | jnp.isinf(validation_value)
        seen = counted(state.plateau_nonfinite_seen, nonfinite)
        if monitor == "auto":
            first = jnp.isfinite(validation_value) & (state.plateau_validated == 0)
            fresh = init()._replace(
                plateau_validated=jnp.ones((), jnp.int32), plateau_scale=state.plateau_scale
            )
            state = jax.tree.map(lambda new, old: jnp.where(first, new, old), fresh, state)
        heard = jnp.where(state.plateau_validated == 1, validation_value, value)
        heard = jnp.where(jnp.asarray(observation.step) < jnp.asarray(warmup_steps), jnp.nan, heard)
        return state._replace(plateau_nonfinite_seen=seen), heard, nonfinite

    def update(
        state: ReduceOnPlateauState, observation: Observation
    ) -> tuple[ReduceOnPlateauState, Decision]:
        state, heard, nonfinite = listen(state, observation)
        filling, block = windows.update(state.plateau_window, heard)
        judged = block.complete
        improved = judged & improves(sign * block.mean, sign * state.plateau_best, rtol, atol)
        worsened = judged & improves(-sign * block.mean, -sign * state.plateau_best, rtol, atol)

        cooling = judged & (state.plateau_cooldown_left > 0)
        bad = counted(state.plateau_bad_windows, judged)
        bad = jnp.where(improved | cooling, 0, bad)
        reducing = judged & (bad > jnp.asarray(patience))
        lowered = state.plateau_scale * jnp.asarray(factor, jnp.float32)
        lowered = bounded(lowered, state.plateau_scale, min_scale, 1.0)
        # Not as a difference above min_change: that may be subnormal, which some devices flush.
        changing = lowered < state.plateau_scale - jnp.asarray(min_change, jnp.float32)
        scale = jnp.where(reducing & changing, lowered, state.plateau_scale)
        cooldown_left = state.plateau_cooldown_left - cooling.astype(jnp.int32)

        found = jnp.where(worsened, jnp.int32(Condition.RISING), jnp.int32(Condition.FLAT))
        found = jnp.where(improved, jnp.int32(Condition.DESCENDING), found)
        first = jnp.where(judged & jnp.isinf(state.plateau_first), block.mean, state.plateau_first)
        state = ReduceOnPlateauState(
            plateau_scale=scale,
            plateau_best=jnp.where(improved, block.mean, state.plateau_best),
            plateau_first=first,
            plateau_mean=jnp.where(judged, block.mean, state.plateau_mean),
            plateau_error=jnp.where(judged, block.standard_error, state.plateau_error),
            plateau_bad_windows=jnp.where(reducing, 0, bad),
            plateau_cooldown_left=jnp.where(
                reducing, jnp.asarray(cooldown, jnp.int32), cooldown_left
            ),
            plateau_condition=jnp.where(judged, found, state.plateau_condition),
            plateau_validated=state.plateau_validated,
            plateau_nonfinite_seen=state.plateau_nonfinite_seen,
            plateau_window=filling,
        )
        decision = Decision(
            scale=bounded(state.plateau_scale, state.plateau_scale, min_scale, 1.0),
            condition=jnp.where(nonfinite, jnp.int32(Condition.NONFINITE), state.plateau_condition),
            evidence=Evidence(
                value_mean=state.plateau_mean,
                value_standard_error=state.plateau_error,
                progress=finite_difference(sign * state.plateau_first, sign * state.plateau_best),
            ),
        )
        return state, decision

    return Policy(init, update)
