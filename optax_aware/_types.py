"""The words all rooms share: Observation, Decision, Policy and the conditions."""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

Scalar = jax.Array | np.generic
"""An array of shape ``()``, traced or concrete."""

AxisName = str | tuple[str, ...]
"""The name of a mapped axis, or of several."""

PolicyState = Any
"""A NamedTuple of float32 and int32 scalars (or short vectors) that belongs to one policy."""

_UNKNOWN = np.float32("nan")
_NO_EVIDENCE = np.float32("inf")
_ONE = np.float32(1.0)
_FALSE = np.bool_(False)
_TRUE = np.bool_(True)


class Condition(enum.IntEnum):
    """What a policy sees in the training, as the integer that is kept in states."""

    STEADY = 0
    """Nothing that calls for a change, or a policy that does not listen."""
    LISTENING = 1
    """Too little has been seen to judge."""
    RAMPING = 2
    """The rate is being raised to find out how far it may go."""
    DESCENDING = 3
    """The loss falls at the present rate."""
    NOISE_LIMITED = 4
    """The loss stands still and most of what is left of it is noise of the present rate."""
    FLAT = 5
    """Neither clearly better nor clearly worse than before."""
    RISING = 6
    """The loss climbs."""
    OSCILLATING = 7
    """Updates go past the lowest point along their own direction."""
    SPIKE = 8
    """A single value far outside of what its predecessors announce."""
    DIVERGING = 9
    """The loss has climbed for certain, or batch after batch is not believed."""
    NONFINITE = 10
    """The loss or a gradient is NaN or infinite, or a schedule gives no finite rate from 0 on."""
    DRIFTED = 11
    """The loss has jumped and stays there: the data have changed."""
    COOLING = 12
    """The rate is on its last way down, towards the known end of the run."""
    DONE = 13
    """The known end of the run has been passed."""


CONDITIONS: tuple[str, ...] = tuple(condition.name.lower() for condition in Condition)
"""The name of each condition: ``CONDITIONS[int(report.condition)]``."""


class Observation(NamedTuple):
    """What a policy is told of one step: scalars alone, never parameters.

    Attributes:
      value: the training loss at the parameters before the update, float32.
      step: the number of updates before this one, int32.
      validation_value: a new validation loss, or NaN where there is none, float32.
      gradients_finite: false when a gradient of this step is NaN or infinite, or would make the
        state of the optimizer so, bool.
      gradient_norm: the Euclidean norm of all gradients, float32.
      direction_norm: the Euclidean norm of the inner optimizer's direction, float32.
      params_norm: the Euclidean norm of all parameters, float32.
      gradient_dot_direction: the inner product of gradients and direction, float32.
      gradient_dot_update: the inner product of the gradients and the last update, float32:
        the slope of the loss along the step that was just taken.
      previous_gradient_dot_update: the same with the gradients before that update, float32:
        what the update promised, negative where it points downhill.
      gradient_dot_path: the inner product of the gradients and the way that the averaged
        parameters have come, float32: negative while the path as a whole goes downhill.
      gradient_dot_lag: the inner product of the gradients and the parameters minus their
        average, float32: near a minimum about twice the loss that averaging would remove.
      rewindable: whether a rewind can be carried out, bool.
      shape: what multiplies the scale besides, a schedule and the cooldown, float32.
      guess: a learning rate to start from, NaN where there is none, float32.

    The norms and `gradient_dot_direction` cost passes over the parameters, those of the direction
    a second update of the inner optimizer. They are NaN unless the policy names them in
    `Policy.observes` and its last decision asked for them.
    The last four inner products are estimates from a fixed sample of coordinates: they cost
    next to nothing, and are NaN unless `Policy.observes` names them and where there is no
    update or no path to speak of.
    """

    value: Scalar
    step: Scalar
    validation_value: Scalar = _UNKNOWN
    gradients_finite: Scalar = _TRUE
    gradient_norm: Scalar = _UNKNOWN
    direction_norm: Scalar = _UNKNOWN
    params_norm: Scalar = _UNKNOWN
    gradient_dot_direction: Scalar = _UNKNOWN
    gradient_dot_update: Scalar = _UNKNOWN
    previous_gradient_dot_update: Scalar = _UNKNOWN
    gradient_dot_path: Scalar = _UNKNOWN
    gradient_dot_lag: Scalar = _UNKNOWN
    rewindable: Scalar = _TRUE
    shape: Scalar = _ONE
    guess: Scalar = _UNKNOWN


MEASURED: tuple[str, ...] = (
    "gradient_norm",
    "direction_norm",
    "params_norm",
    "gradient_dot_direction",
)
"""What a policy may ask for that costs a pass over all parameters."""

SAMPLED: tuple[str, ...] = (
    "gradient_dot_update",
    "previous_gradient_dot_update",
    "gradient_dot_path",
    "gradient_dot_lag",
)
"""What a policy may ask for that is estimated from a sample of coordinates."""

OBSERVABLE: tuple[str, ...] = MEASURED + SAMPLED
"""What a policy may name in `Policy.observes`."""


class Evidence(NamedTuple):
    """The numbers behind a decision, in units of the loss; infinite where a policy has none.

    They are kept in states, where a NaN would trip ``jax_debug_nans`` at every step.

    Attributes:
      value_mean: the smoothed loss the policy looks at, float32.
      value_standard_error: the standard error of that mean, float32.
      progress: how far the smoothed loss has come down so far, float32.
      annealing_gain: how much of the loss averaging or a lower rate would remove, float32.
    """

    value_mean: Scalar = _NO_EVIDENCE
    value_standard_error: Scalar = _NO_EVIDENCE
    progress: Scalar = _NO_EVIDENCE
    annealing_gain: Scalar = _NO_EVIDENCE


class Decision(NamedTuple):
    """What a policy wants done with one step.

    Attributes:
      scale: multiplies the base rate; is the rate itself where none was given, float32.
      condition: what the policy sees, one of `Condition`, int32.
      skip: leave parameters and inner optimizer as they are, bool.
      rewind: go back to the last snapshot, bool.
      keep: take a snapshot of the parameters before this update, bool.
      restart_average: forget the path so far; averages start again at the next step, bool.
      observe: measure the costly fields of `Policy.observes` at the next step, bool. A policy
        that needs them only now and then says so here, and the other steps cost nothing.
      evidence: the numbers behind the decision.
    """

    scale: Scalar
    condition: Scalar
    skip: Scalar = _FALSE
    rewind: Scalar = _FALSE
    keep: Scalar = _FALSE
    restart_average: Scalar = _FALSE
    observe: Scalar = _TRUE
    evidence: Evidence = Evidence()


class Policy(NamedTuple):
    """A pure scalar controller: it sees a loss and decides about the learning rate.

    Attributes:
      init: returns the state before the first observation.
      update: maps state and observation to the next state and a decision. It is total:
        whatever the floats in the observation, the scale is finite and within bounds.
      observes: the costly fields of `Observation` that the policy asks for.
      rewinds: whether the policy ever decides `rewind`; a transform keeps snapshots
        only for a policy that does.
      finds_rate: whether the scale is a learning rate that the policy finds itself, so that
        a number given as learning rate is no more than a guess to start from.
    """

    init: Callable[[], PolicyState]
    update: Callable[[PolicyState, Observation], tuple[PolicyState, Decision]]
    observes: tuple[str, ...] = ()
    rewinds: bool = False
    finds_rate: bool = False
