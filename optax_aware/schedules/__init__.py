"""Learning-rate schedules: pure functions from a step to a rate.

A schedule maps a step, or an array of steps, to float32 rates of the same shape, and works
wherever optax takes a schedule. The rules that all of them keep:

- Steps may be Python or NumPy numbers, or int32, uint32 or float32 arrays, traced or not.
  Integers are compared and subtracted as integers, so that no step is lost above 2**24.
- A negative step reads as 0, a step past the end holds the end value, and a phase of no
  length is skipped.
- Every number handed to a schedule may be a traced array, so that a sweep is a `jax.vmap`.
  What would be refused in a known number is read as the nearest one allowed: -1 as 0 where
  a number has to be at least 0, infinity as the largest float32. NaN is read as the lower
  bound of its range, and as 0 where there is none.
- Values are finite, and a rate that overflows is the largest float32. Gradients are never NaN
  unless they overflow on the way, as next to the largest float32 or for a length of 1e-20 steps.
- What another schedule returns is not mended by whatever goes around it, but for the infinity that
  `clip` brings to its bounds: NaN stays NaN, and infinity is infinite or, where it is averaged,
  NaN. To hide them would hide a fault of that schedule.
- A wrong argument is a ``ValueError`` that names it and says what is allowed.
"""

from optax_aware.schedules._clip import clip
from optax_aware.schedules._constant import constant
from optax_aware.schedules._cosine import cosine
from optax_aware.schedules._cosine_restarts import cosine_restarts
from optax_aware.schedules._delay import delay
from optax_aware.schedules._exponential import exponential
from optax_aware.schedules._inverse_power import inverse_power
from optax_aware.schedules._inverse_time import inverse_time
from optax_aware.schedules._join import join
from optax_aware.schedules._multi_step import multi_step
from optax_aware.schedules._noam import noam
from optax_aware.schedules._one_cycle import one_cycle
from optax_aware.schedules._per_epoch import per_epoch
from optax_aware.schedules._piecewise_constant import piecewise_constant
from optax_aware.schedules._polynomial import linear, polynomial
from optax_aware.schedules._scale import scale
from optax_aware.schedules._triangular import triangular
from optax_aware.schedules._warmup import warmup
from optax_aware.schedules._warmup_stable_decay import warmup_stable_decay

__all__ = [
    "clip",
    "constant",
    "cosine",
    "cosine_restarts",
    "delay",
    "exponential",
    "inverse_power",
    "inverse_time",
    "join",
    "linear",
    "multi_step",
    "noam",
    "one_cycle",
    "per_epoch",
    "piecewise_constant",
    "polynomial",
    "scale",
    "triangular",
    "warmup",
    "warmup_stable_decay",
]
