"""The faults by name: what is done to loss and gradients, when, and what surviving means."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NAN, INF = float("nan"), float("inf")
STRUCK_SHARE = 0.01
LONG = 10
"""Times as many steps as a short run has."""
NEARLY_FULL = 2**31 - 1 - 4
"""A count of steps that would overflow int32 after the fifth."""


class Disturbance(NamedTuple):
    """What is done at each step, as float32 arrays of shape (steps,).

    Attributes:
      value_factor: what the loss is multiplied with before the optimizer sees it.
      value_shift: what is added to it then.
      gradient_factor: what every gradient is multiplied with.
      gradient_shift: what is added to every coordinate of it then.
      coordinate_shift: what is added to a single coordinate.
    """

    value_factor: np.ndarray
    value_shift: np.ndarray
    gradient_factor: np.ndarray
    gradient_shift: np.ndarray
    coordinate_shift: np.ndarray


class Fault(NamedTuple):
    """One kind of trouble.

    Attributes:
      name: what it is called in tables.
      strike: maps steps and the number of a run to what is done in it.
      everywhere: whether there is a run for every step, struck there, or one for every seed.
      blind: whether nothing can be learned under it: then a run survives that has done no harm,
        and otherwise one that ends as low as without the fault.
      long: whether the run has `LONG` times as many steps.
      counts_from: the step that states are set to before the run.
      dtype: of parameters and gradients.
    """

    name: str
    strike: Callable[[int, int], Disturbance]
    everywhere: bool = False
    blind: bool = False
    long: bool = False
    counts_from: int = 0
    dtype: str = "float32"


def calm(steps: int, run: int = 0) -> Disturbance:
    """Nothing is done."""
    del run
    ones, zeros = np.ones(steps, np.float32), np.zeros(steps, np.float32)
    return Disturbance(ones, zeros, ones, zeros, zeros)


def _altered(steps: int, struck: np.ndarray, changes: dict[str, float]) -> Disturbance:
    """Set some fields at the steps that are struck."""
    nothing = calm(steps)
    return nothing._replace(
        **{
            name: np.where(struck, np.float32(number), getattr(nothing, name))
            for name, number in changes.items()
        }
    )


def _at_one_step(**changes: float) -> Callable[[int, int], Disturbance]:
    return lambda steps, run: _altered(steps, np.arange(steps) == run, changes)


def _from_the_start(**changes: float) -> Callable[[int, int], Disturbance]:
    return lambda steps, run: _altered(steps, np.ones(steps, bool), changes)


def _in_the_second_half(**changes: float) -> Callable[[int, int], Disturbance]:
    return lambda steps, run: _altered(steps, np.arange(steps) >= steps // 2, changes)


def _at_random(share: float = STRUCK_SHARE, **changes: float) -> Callable[[int, int], Disturbance]:
    def strike(steps: int, run: int) -> Disturbance:
        struck = np.random.default_rng([29, run]).random(steps) < share
        return _altered(steps, struck, changes)

    return strike


def _infinite_signs(steps: int, run: int) -> Disturbance:
    generator = np.random.default_rng([31, run])
    struck = generator.random(steps) < STRUCK_SHARE
    shift = np.where(
        struck, generator.choice(np.asarray([INF, -INF], np.float32), steps), np.float32(0.0)
    )
    return calm(steps)._replace(value_shift=shift, gradient_shift=shift)


EVERYTHING_NAN = {"value_shift": NAN, "gradient_shift": NAN}
SHORT = Fault("none, short run", calm)
LATE = Fault("none, from step 2³⁰ on", calm, counts_from=2**30)
UNDISTURBED = Fault("none, long run", calm, long=True)

FAULTS: tuple[Fault, ...] = (
    SHORT,
    Fault("loss NaN, at each step", _at_one_step(value_shift=NAN), everywhere=True),
    Fault("loss inf, at each step", _at_one_step(value_shift=INF), everywhere=True),
    Fault("loss -inf, at each step", _at_one_step(value_shift=-INF), everywhere=True),
    Fault("loss 1e38, at each step", _at_one_step(value_shift=1e38), everywhere=True),
    Fault("one gradient NaN, at each step", _at_one_step(coordinate_shift=NAN), everywhere=True),
    Fault("gradients inf, at each step", _at_one_step(gradient_shift=INF), everywhere=True),
    Fault("gradients 1e38, at each step", _at_one_step(gradient_shift=1e38), everywhere=True),
    Fault("loss and gradients NaN, at each step", _at_one_step(**EVERYTHING_NAN), everywhere=True),
    UNDISTURBED,
    Fault("loss and gradients NaN, 1 % of steps", _at_random(**EVERYTHING_NAN), long=True),
    Fault("loss and gradients ±inf, 1 % of steps", _infinite_signs, long=True),
    Fault("gradients 1e38, 1 % of steps", _at_random(gradient_shift=1e38), long=True),
    Fault("NaN from the middle on", _in_the_second_half(**EVERYTHING_NAN), blind=True),
    Fault("gradients zero for ever", _from_the_start(gradient_factor=0.0), blind=True),
    Fault(
        "loss constant for ever",
        _from_the_start(value_factor=0.0, value_shift=1.0),
        blind=True,
    ),
    Fault("loss exactly 0 for ever", _from_the_start(value_factor=0.0), blind=True),
    Fault(
        "loss and gradients denormal",
        _from_the_start(value_factor=1e-40, gradient_factor=1e-40),
        blind=True,
    ),
    Fault(
        "loss and gradients × 1e36",
        _from_the_start(value_factor=1e36, gradient_factor=1e36),
        blind=True,
    ),
    Fault("losses all negative", _from_the_start(value_shift=-10.0)),
    LATE,
    Fault("counts of steps overflow", calm, counts_from=NEARLY_FULL),
    *(
        Fault(f"{dtype}{what}", strike, dtype=dtype)
        for dtype in ("bfloat16", "float16")
        for what, strike in (
            ("", calm),
            (", NaN in 10 % of steps", _at_random(0.1, **EVERYTHING_NAN)),
            (", gradients inf in 10 % of steps", _at_random(0.1, gradient_shift=INF)),
        )
    ),
)
