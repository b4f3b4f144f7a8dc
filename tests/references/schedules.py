"""Slow, readable versions of the schedules: one step at a time, in float64.

Written from the formulas, with the argument names of the library. A step is any real
number; a phase of no length is over as soon as it begins.
"""

import itertools
import math

import numpy as np


def _done(step: float, start: float, stop: float) -> float:
    if step < start:
        return 0.0
    if step >= stop:
        return 1.0
    return (step - start) / (stop - start)


def _mix(first: float, second: float, part: float, shape: str = "linear") -> float:
    if shape == "cosine":
        part = (1 - math.cos(math.pi * part)) / 2
    elif shape == "1-sqrt":
        part = math.sqrt(part)
    return first * (1 - part) + second * part


def _floor(number: float) -> float:
    # What float64 makes 2.9999999999 was meant to be 3.
    nearest = round(number)
    return float(nearest if abs(number - nearest) < 1e-12 * max(nearest, 1) else math.floor(number))


def constant(step, value):
    return value


def inverse_time(step, init_value, decay_rate, decay_steps=1, staircase=False, end_value=0.0):
    if decay_steps == 0:
        return end_value
    time = max(step, 0) / decay_steps
    time = _floor(time) if staircase else time
    return max(end_value, init_value / (1 + decay_rate * time))


def inverse_power(step, init_value, power=0.5, timescale=1.0, end_value=0.0):
    if timescale == 0:
        return end_value
    return max(end_value, init_value * (1 + max(step, 0) / timescale) ** -power)


def exponential(step, init_value, decay_rate, decay_steps=1, staircase=False, end_value=0.0):
    if decay_steps == 0:
        return end_value
    time = max(step, 0) / decay_steps
    time = _floor(time) if staircase else time
    if decay_rate > 1 and time * math.log(decay_rate) > 60:
        return max(end_value, init_value * math.exp(60))
    return max(end_value, init_value * decay_rate**time)


def multi_step(step, init_value, boundaries, factor=0.1):
    rate = init_value
    for boundary in boundaries:
        if max(step, 0) >= boundary:
            rate *= factor
    return rate


def piecewise_constant(step, values, boundaries):
    rate = values[0]
    for value, boundary in zip(values[1:], boundaries, strict=True):
        if max(step, 0) >= boundary:
            rate = value
    return rate


def polynomial(step, init_value, end_value, decay_steps, power=1.0):
    if max(step, 0) >= decay_steps:
        return end_value
    return (init_value - end_value) * (1 - max(step, 0) / decay_steps) ** power + end_value


def linear(step, init_value, end_value, decay_steps):
    return polynomial(step, init_value, end_value, decay_steps, 1.0)


def cosine(step, init_value, decay_steps, end_value=0.0):
    return _mix(init_value, end_value, _done(max(step, 0), 0, decay_steps), "cosine")


def cosine_restarts(step, init_value, period, period_factor=1.0, peak_factor=1.0, end_value=0.0):
    if period == 0:
        return end_value
    step, start, length, height = max(step, 0), 0.0, period, 1.0
    if period_factor == 1:
        cycles = _floor(step / period)
        start, height = cycles * period, peak_factor**cycles
    # A boundary that rounding has put behind a step was meant to be at it.
    while period_factor > 1 and step >= (start + length) * (1 - 1e-7):
        start, length = start + length, length * period_factor
        height *= peak_factor
    peak = end_value + (init_value - end_value) * height
    return _mix(peak, end_value, _done(max(step, start), start, start + length), "cosine")


def triangular(step, min_value, max_value, half_period, mode="triangular", decay_rate=1.0):
    if half_period == 0:
        return min_value
    step = max(step, 0)
    cycle = _floor(step / (2 * half_period))
    height = 1 - abs(step / half_period - 2 * cycle - 1)
    amplitude = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": decay_rate**step}
    return min_value + (max_value - min_value) * height * amplitude[mode]


def one_cycle(
    step,
    peak_value,
    total_steps,
    warmup_fraction=0.3,
    init_factor=0.04,
    final_factor=4e-6,
    shape="cosine",
    three_phase=False,
):
    step, top = max(step, 0), warmup_fraction * total_steps
    if three_phase:
        points = [(0, init_factor), (top, 1.0), (2 * top, init_factor), (total_steps, final_factor)]
    else:
        points = [(0, init_factor), (top, 1.0), (total_steps, final_factor)]
    factor = init_factor
    for (start, first), (stop, second) in itertools.pairwise(points):
        if step >= start:
            factor = _mix(first, second, _done(step, start, stop), shape)
    return peak_value * factor


def warmup_stable_decay(
    step,
    peak_value,
    warmup_steps,
    stable_steps,
    decay_steps,
    init_value=0.0,
    end_value=0.0,
    shape="linear",
):
    step, decay_start = max(step, 0), warmup_steps + stable_steps
    if step < warmup_steps:
        return _mix(init_value, peak_value, _done(step, 0, warmup_steps))
    part = _done(step, decay_start, decay_start + decay_steps)
    return _mix(peak_value, end_value, part, shape)


def noam(step, model_dim, warmup_steps, scale=1.0):
    number = max(step, 0) + 1
    rise = number * warmup_steps**-1.5 if warmup_steps > 0 else math.inf
    return scale * model_dim**-0.5 * min(number**-0.5, rise)


def warmup(step, schedule, warmup_steps, init_value=0.0, shape="linear"):
    step = max(step, 0)
    if step >= warmup_steps:
        return schedule(step - warmup_steps)
    if shape == "constant":
        return init_value
    return _mix(init_value, schedule(0), step / warmup_steps, shape)


def join(step, schedules, boundaries):
    step, current = max(step, 0), 0
    for index, boundary in enumerate(boundaries):
        if step >= boundary:
            current = index + 1
    return schedules[current](step - [0, *boundaries][current])


def per_epoch(step, schedule, steps_per_epoch, staircase=True):
    epoch = max(step, 0) / steps_per_epoch
    return schedule(_floor(epoch) if staircase else epoch)


def clip(step, schedule, min_value, max_value):
    return float(np.clip(schedule(step), min_value, max_value))


def scale(step, schedule, factor):
    return factor * schedule(step)


def delay(step, schedule, steps):
    return schedule(max(max(step, 0) - steps, 0))
