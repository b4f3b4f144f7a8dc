"""Slow, readable versions of the policies: one loop each, in Python floats.

Each takes a list of losses (and the options of its namesake) and returns the scale of every
step. Written from the formulas, not from the library.
"""

import math
from collections.abc import Sequence

import numpy as np

SMALLEST = float(np.finfo(np.float32).tiny)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _clip(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)


def constant(values):
    return [1.0 for _ in values]


def reduce_on_plateau(
    values,
    validation_values=None,
    *,
    factor=0.1,
    patience=10,
    rtol=1e-4,
    atol=0.0,
    cooldown=0,
    window=1,
    min_scale=0.0,
    mode="min",
    warmup_steps=0,
    min_change=0.0,
    monitor="auto",
):
    if validation_values is None:
        validation_values = [math.nan] * len(values)
    sign = 1.0 if mode == "min" else -1.0
    validated = monitor == "validation_value"
    scale, best, bad, rest, block, scales = 1.0, None, 0, 0, [], []
    for step, (value, validation) in enumerate(zip(values, validation_values, strict=True)):
        if monitor == "auto" and not validated and math.isfinite(validation):
            validated = True
            best, bad, rest, block = None, 0, 0, []
        heard = validation if validated else value
        if math.isfinite(heard) and step >= warmup_steps:
            block.append(sign * heard)
        if len(block) == window:
            mean, block = _mean(block), []
            if best is None or mean < best - rtol * abs(best) - atol:
                best, bad = mean, 0
            else:
                bad += 1
            if rest > 0:
                rest, bad = rest - 1, 0
            if bad > patience:
                lowered = scale * factor
                lowered = max(lowered if lowered >= SMALLEST else 0.0, min_scale)
                if scale - lowered > min_change:
                    scale = lowered
                rest, bad = cooldown, 0
        scales.append(scale)
    return scales


def pytorch_reduce_on_plateau(
    values,
    base_rate,
    *,
    mode="min",
    factor=0.1,
    patience=10,
    threshold=1e-4,
    threshold_mode="rel",
    cooldown=0,
    min_lr=0.0,
    eps=1e-8,
):
    """The rule that the documentation of torch.optim.lr_scheduler.ReduceLROnPlateau gives."""
    rate, best, intolerable, waiting, rates = base_rate, None, 0, 0, []
    for value in values:
        if best is None:
            better = True
        elif threshold_mode == "rel":
            target = best * (1 - threshold) if mode == "min" else best * (1 + threshold)
            better = value < target if mode == "min" else value > target
        else:
            target = best - threshold if mode == "min" else best + threshold
            better = value < target if mode == "min" else value > target
        if better:
            best, intolerable = value, 0
        else:
            intolerable += 1
        if waiting:
            waiting, intolerable = waiting - 1, 0
        if intolerable > patience:
            lower = max(rate * factor, min_lr)
            rate = lower if rate - lower > eps else rate
            waiting, intolerable = cooldown, 0
        rates.append(rate)
    return rates


def loss_ratio(values, *, min_scale=0.0, max_scale=10.0):
    scale, first, scales = 1.0, None, []
    for value in values:
        if math.isfinite(value) and value >= SMALLEST:
            first = value if first is None else first
            scale = _clip(value / first, min_scale, max_scale)
        scales.append(scale)
    return scales


class _DecayClock:
    """scale = level * (1 + ticks / timescale) ** -power, clipped."""

    def __init__(self, power, timescale, min_scale, max_scale):
        self.power, self.timescale = power, timescale
        self.low, self.high = max(min_scale, SMALLEST), max_scale
        self.level, self.ticks = 1.0, 0

    def decay(self):
        return (1.0 + self.ticks / self.timescale) ** -self.power

    def scale(self):
        return _clip(self.level * self.decay(), self.low, self.high)

    def raise_by(self, factor):
        self.level = min(self.scale() * factor, self.high) / self.decay()


def ratio_based(values, *, window=10, power=0.25, timescale=1.0, min_scale=0.0, max_scale=10.0):
    clock = _DecayClock(power, timescale, min_scale, max_scale)
    block, before, decaying, scales = [], None, False, []
    for value in values:
        if math.isfinite(value):
            block.append(value)
            if len(block) == window:
                mean, block = _mean(block), []
                if before is not None:
                    positive = mean >= SMALLEST and before >= SMALLEST
                    decaying = positive and mean <= before
                    if positive and mean > before:
                        clock.raise_by(math.sqrt(mean / before))
                before = mean
            if decaying:
                clock.ticks += 1
        scales.append(clock.scale())
    return scales


def robust_ratio(
    values,
    *,
    window=10,
    threshold=None,
    patience=2,
    power=0.25,
    timescale=1.0,
    min_scale=0.0,
    max_scale=10.0,
    published=False,
):
    if threshold is None:
        threshold = 1.0 if published else 0.0
    clock = _DecayClock(power, timescale, min_scale, max_scale)
    block, before, decaying, wait, scales = [], None, False, 0, []
    for value in values:
        if math.isfinite(value):
            block.append(value)
            if len(block) == window:
                mean, block = _mean(block), []
                if before is not None:
                    decaying = False
                    if mean >= SMALLEST and before >= SMALLEST:
                        ratio = math.log(mean / before)
                        ratio = abs(ratio) if published else ratio
                        decaying = ratio <= threshold
                        wait += ratio > threshold
                        if ratio > threshold and wait > patience:
                            clock.raise_by(1.0 + ratio - threshold)
                            wait = 0
                before = mean
            if decaying:
                clock.ticks += 1
        scales.append(clock.scale())
    return scales


def greedy(
    values,
    *,
    factor=0.95,
    patience=10,
    rtol=1e-6,
    atol=0.0,
    cooldown=0,
    warmup=0,
    window=50,
    reset=500,
    min_scale=0.1,
    max_scale=10.0,
):
    def fresh():
        return {
            "scale": 1.0,
            "best": None,
            "good": 0,
            "bad": 0,
            "cooldown": 0,
            "warmup": 0,
            "floor": 0,
            "ring": [],
        }

    now, scales = fresh(), []
    for value in values:
        if math.isfinite(value):
            now["ring"] = (now["ring"] + [value])[-window:]
            mean = _mean(now["ring"])
            if now["cooldown"] > 0:
                now["cooldown"] -= 1
            elif now["warmup"] > 0:
                now["warmup"] -= 1
            elif now["best"] is None or mean < now["best"] - rtol * abs(now["best"]) - atol:
                now["best"], now["bad"], now["good"] = mean, 0, now["good"] + 1
                if now["good"] > patience:
                    now["scale"] = min(now["scale"] / factor, max_scale)
                    now["good"], now["warmup"], now["floor"] = 0, warmup, 0
            else:
                now["good"], now["bad"] = 0, now["bad"] + 1
                if now["bad"] > patience:
                    now["scale"] = max(now["scale"] * factor, min_scale)
                    now["bad"], now["cooldown"] = 0, cooldown
                    if now["scale"] <= min_scale:
                        now["floor"] += 1
                        if now["floor"] >= reset:
                            now = fresh()
        scales.append(now["scale"])
    return scales
