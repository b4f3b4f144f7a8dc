"""Every public schedule once in each of its forms, for the tests of what all of them keep."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optax_aware import schedules
from tests.references import schedules as references

Numbers = dict[str, Any]

ROUNDED_BOUNDARY = 3e-7
"""What float32 costs where a boundary is not a whole number, as a part of the largest rate:
the boundary moves by at most 2**-24 of the step, and the rate by that times its slope."""


STEPS = np.arange(176)


class Case(NamedTuple):
    """One schedule: how to build it, its numbers, and what it should return.

    ``build(**numbers)`` returns the schedule and ``reference(step, **numbers)`` its float64
    rate at one step. ``last`` is the last step at which something happens (for an endless
    schedule, some step after several cycles). ``lengths`` names the numbers that are the
    length of a phase and may be 0 when known, ``traced_lengths`` those that may be 0 only
    when traced. ``error`` is an absolute error, as a part of the largest rate, that is
    allowed besides the relative one.
    """

    label: str
    build: Callable[..., Any]
    numbers: Numbers
    reference: Callable[..., float]
    last: int
    lengths: tuple[str, ...] = ()
    traced_lengths: tuple[str, ...] = ()
    error: float = 0.0

    @property
    def public_name(self) -> str:
        return self.label.split(":")[0]

    @property
    def steps(self) -> np.ndarray:
        """All steps from 0 until well past the end, as many for every case: one compilation."""
        return STEPS

    def expected(self, steps: Any, numbers: Numbers | None = None) -> np.ndarray:
        numbers = self.numbers if numbers is None else numbers
        return np.array([self.reference(float(step), **numbers) for step in steps])


def _case(label, numbers, last, lengths=(), traced_lengths=(), error=0.0, **options) -> Case:
    """Return the case of a schedule that takes nothing but numbers and static options."""
    name = label.split(":")[0]
    return Case(
        label,
        partial(getattr(schedules, name), **options),
        numbers,
        partial(getattr(references, name), **options),
        last,
        lengths,
        traced_lengths,
        error,
    )


def _around(label, numbers, last, lengths=(), traced_lengths=(), **options) -> Case:
    """Return the case of a combinator around a cosine from 0.3 to 0.01 in 20 steps."""
    name = label.split(":")[0]

    def inner(step):
        return references.cosine(step, 0.3, 20, 0.01)

    return Case(
        label,
        partial(getattr(schedules, name), schedules.cosine(0.3, 20, 0.01), **options),
        numbers,
        lambda step, **numbers: getattr(references, name)(step, inner, **numbers, **options),
        last,
        lengths,
        traced_lengths,
    )


def _join(boundaries):
    return schedules.join(
        [
            schedules.linear(0.0, 0.5, 10),
            schedules.inverse_power(0.5, power=1.0, timescale=5.0),
            schedules.cosine(0.2, 25, 0.02),
        ],
        boundaries,
    )


def _join_reference(step, boundaries):
    return references.join(
        step,
        [
            lambda own: references.linear(own, 0.0, 0.5, 10),
            lambda own: references.inverse_power(own, 0.5, 1.0, 5.0),
            lambda own: references.cosine(own, 0.2, 25, 0.02),
        ],
        boundaries,
    )


_WAVE = {"min_value": 0.1, "max_value": 0.5, "half_period": 8}
_CYCLE = {
    "peak_value": 0.7,
    "total_steps": 40,
    "warmup_fraction": 0.3,
    "init_factor": 0.04,
    "final_factor": 4e-6,
}
_PLATEAU = {
    "peak_value": 0.4,
    "warmup_steps": 10,
    "stable_steps": 20,
    "decay_steps": 16,
    "init_value": 0.01,
    "end_value": 0.002,
}
_PLATEAU_LENGTHS = ("warmup_steps", "stable_steps", "decay_steps")

CASES = (
    _case("constant", {"value": 0.3}, 5),
    _case(
        "inverse_time",
        {"init_value": 0.1, "decay_rate": 0.5, "decay_steps": 10, "end_value": 0.02},
        90,
        ("decay_steps",),
    ),
    _case(
        "inverse_time:staircase",
        {"init_value": 0.1, "decay_rate": 0.5, "decay_steps": 7},
        60,
        ("decay_steps",),
        staircase=True,
    ),
    _case("inverse_power", {"init_value": 0.1, "power": 0.5, "timescale": 1.0}, 60, ("timescale",)),
    _case(
        "inverse_power:floor",
        {"init_value": 0.1, "power": 0.75, "timescale": 12.5, "end_value": 0.03},
        80,
        ("timescale",),
    ),
    _case("exponential", {"init_value": 0.5, "decay_rate": 0.99}, 100),
    _case(
        "exponential:floor",
        {"init_value": 0.5, "decay_rate": 0.1, "decay_steps": 12.5, "end_value": 1e-3},
        50,
        ("decay_steps",),
    ),
    _case(
        "exponential:staircase",
        {"init_value": 0.5, "decay_rate": 0.3, "decay_steps": 12.5, "end_value": 1e-3},
        80,
        ("decay_steps",),
        staircase=True,
    ),
    _case("exponential:rising", {"init_value": 1e-3, "decay_rate": 1.2}, 40),
    _case("multi_step", {"init_value": 0.5, "boundaries": (15, 30), "factor": 0.5}, 30),
    _case(
        "multi_step:at 0 and twice",
        {"init_value": 0.5, "boundaries": (0, 12, 12, 33.5), "factor": 0.1},
        34,
    ),
    _case("piecewise_constant", {"values": (0.1, 0.3, 0.02), "boundaries": (10, 35)}, 35),
    _case(
        "polynomial",
        {"init_value": 0.5, "end_value": 0.0, "decay_steps": 40, "power": 2.0},
        40,
        ("decay_steps",),
    ),
    _case(
        "polynomial:root",
        {"init_value": 0.5, "end_value": 0.01, "decay_steps": 40.5, "power": 0.5},
        41,
        ("decay_steps",),
    ),
    _case(
        "polynomial:rising",
        {"init_value": 1e-6, "end_value": 0.5, "decay_steps": 40, "power": 1.7},
        40,
        ("decay_steps",),
    ),
    _case("linear", {"init_value": 0.4, "end_value": 0.0, "decay_steps": 50}, 50, ("decay_steps",)),
    _case(
        "linear:rising",
        {"init_value": 1e-6, "end_value": 0.4, "decay_steps": 50},
        50,
        ("decay_steps",),
    ),
    _case(
        "cosine", {"init_value": 0.3, "decay_steps": 20, "end_value": 0.01}, 20, ("decay_steps",)
    ),
    _case("cosine:to zero", {"init_value": 0.3, "decay_steps": 90}, 90, ("decay_steps",)),
    _case(
        "cosine_restarts",
        {"init_value": 0.4, "period": 11, "end_value": 0.01},
        60,
        traced_lengths=("period",),
    ),
    _case(
        "cosine_restarts:doubling",
        {"init_value": 0.4, "period": 10, "period_factor": 2.0, "peak_factor": 0.5},
        155,
        traced_lengths=("period",),
    ),
    _case(
        "cosine_restarts:broken",
        {
            "init_value": 0.4,
            "period": 6.5,
            "period_factor": 1.3,
            "peak_factor": 0.9,
            "end_value": 0.01,
        },
        120,
        traced_lengths=("period",),
        error=ROUNDED_BOUNDARY,
    ),
    _case("triangular", _WAVE, 50, traced_lengths=("half_period",)),
    _case(
        "triangular:triangular2",
        {**_WAVE, "half_period": 7.5},
        50,
        traced_lengths=("half_period",),
        mode="triangular2",
    ),
    _case(
        "triangular:exp_range",
        {**_WAVE, "decay_rate": 0.97},
        50,
        traced_lengths=("half_period",),
        mode="exp_range",
    ),
    *(
        _case(
            f"one_cycle:{shape}{' three phases' if three_phase else ''}",
            _CYCLE,
            40,
            ("total_steps", "warmup_fraction"),
            shape=shape,
            three_phase=three_phase,
        )
        for shape in ("cosine", "linear")
        for three_phase in (False, True)
    ),
    *(
        _case(f"warmup_stable_decay:{shape}", _PLATEAU, 46, _PLATEAU_LENGTHS, shape=shape)
        for shape in ("linear", "cosine", "1-sqrt")
    ),
    _case("noam", {"model_dim": 64, "warmup_steps": 20, "scale": 2.0}, 80, ("warmup_steps",)),
    *(
        _around(
            f"warmup:{shape}",
            {"warmup_steps": 8, "init_value": 0.02},
            28,
            ("warmup_steps",),
            shape=shape,
        )
        for shape in ("linear", "cosine", "constant")
    ),
    Case("join", _join, {"boundaries": (10, 30)}, _join_reference, 55),
    _around("per_epoch", {"steps_per_epoch": 3}, 60),
    _around("per_epoch:every step", {"steps_per_epoch": 2.5}, 50, staircase=False),
    _around("clip", {"min_value": 0.05, "max_value": 0.25}, 20),
    _around("scale", {"factor": 0.5}, 20),
    _around("delay", {"steps": 15}, 35, ("steps",)),
)
