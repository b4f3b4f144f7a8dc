"""A slow, readable version of `policies.condition_based`: one loop over Python floats.

Written from its docstring and formulas. The constants are those of the library, so that tuning
them changes nothing here; everything else is worked out again, in float64.

Float32 and float64 differ where two numbers that are compared are nearly equal, and one such
comparison sets a run upon another path. The loop therefore notes how near the nearest of its
comparisons came to an edge: `margin`, relative to the numbers compared, beyond what rounding
can do to them. A test compares a run up to its first edge.
"""

import math

import numpy as np

from optax_aware import Condition
from optax_aware.policies import _climb_trial as trial
from optax_aware.policies import _condition_acting as steps
from optax_aware.policies import _condition_rate as moving
from optax_aware.policies import _lasting_rise as rise
from optax_aware.policies import _loss_guard as guard
from optax_aware.policies import _rate_search as search
from optax_aware.policies import _revision as revision
from tests.references.statistics import GrowingMean, RobustLevel, UpwardChange

LISTENING, RAMPING, HOLDING = 0, 1, 2
EPSILON = float(np.finfo(np.float32).eps)
SMALLEST = float(np.finfo(np.float32).tiny)


def condition_based(observations, **options):
    """Return one `dict` a step for observations, each a `dict` with the names of the fields."""
    policy = _Policy(**options)
    return [policy.step(observation) for observation in observations]


class _Policy:
    def __init__(self, *, listen_steps, growth, boost, threshold, factor, patience, drift_patience):
        self.listen_steps, self.factor = listen_steps, factor
        self.growth, self.boost, self.threshold = growth, boost, threshold
        self.patience, self.drift_patience = patience, drift_patience

        self.phase, self.rate, self.start = LISTENING, 0.0, 0.0
        self.block, self.size = [], 0.0
        self.active = self.held = self.found_steps = 0
        self.found_rate, self.suspect = 0.0, False
        self.peak = 0.0

        self.level, self.doubt = RobustLevel(), RobustLevel()
        self.first = self.best = self.best_deviation = 0.0
        self.bad_run = self.calm = self.since_keep = self.seen = 0
        self.doubted = []  # how far above the level each run of doubted values was
        self.trial, self.trial_values, self.trial_level = 0, [], 0.0
        self.recent, self.lowest = GrowingMean(), math.inf

        self.ceiling, self.turn = search.LARGEST_RATE, 0.0
        self.slope = self.promise = 0.0
        self.change = UpwardChange(threshold)

        self.path, self.lag, self.overshoots = GrowingMean(), GrowingMean(), GrowingMean()

    def above(self, left, right, grain=0.0):
        """Whether left > right, noting how near that was; numbers that are equal are no edge."""
        distance = abs(left - right) - grain
        if left != right:
            size = max(abs(left), abs(right))
            self.margin = min(self.margin, distance / size)
        return left > right

    def step(self, seen):
        self.margin = math.inf
        value, finite = seen["value"], seen["gradients_finite"]
        finite = finite and math.isfinite(value)
        if finite:
            value = min(max(value, -guard.LARGEST_VALUE), guard.LARGEST_VALUE)
            self.size = max(self.size, abs(value))
        # Rounding of a running mean of values of this size, generously.
        self.grain = 8 * EPSILON * self.size
        decided = self.hear(seen, value, finite) if self.phase == LISTENING else None
        if decided is None:
            decided = self.act(seen, value, finite)
        return decided | {"phase": self.phase, "margin": self.margin}

    # 1. Listen.

    def hear(self, seen, value, finite):
        scale, ready = 0.0, False
        if finite:
            self.block.append(value)
            self.level.take(value)
            self.first = self.best = self.level.level
            self.best_deviation = self.level.deviation
        if finite and len(self.block) >= self.listen_steps:
            measured, rate = self.start_rate(seen)
            self.block = []
            if not measured:
                ready, scale = True, 1.0
                self.phase, self.rate = HOLDING, 1.0
            elif rate > 0:
                ready = True
                self.phase, self.rate = RAMPING, rate
            if ready:
                self.start = self.turn = self.rate
        return {
            "scale": scale,
            "condition": Condition.LISTENING if finite else Condition.NONFINITE,
            "skip": not finite,
            "rewind": False,
            "keep": ready,
            "restart_average": ready,
            "value_mean": self.level.level,
            "value_standard_error": math.inf,
            "progress": 0.0,
            "annealing_gain": math.inf,
        }

    def start_rate(self, seen):
        slope = abs(seen["gradient_dot_direction"])
        direction, length = seen["direction_norm"], seen["params_norm"]
        if all(map(math.isnan, (slope, direction, length))):
            return False, math.nan
        mean, deviation = np.mean(self.block), np.std(self.block, ddof=1)
        by_noise = search.START_NOISE * deviation / slope if slope > 0 else 0.0
        by_length = search.START_LENGTH * length / direction if direction > 0 else 0.0
        rate = max(by_noise, by_length)
        if direction > 0 and length > 0:
            rate = min(rate, search.START_REACH * length / direction)
        if rate == 0 and slope > 0:
            rate = search.START_VALUE * abs(mean) / slope
        guess = seen["guess"] if math.isfinite(seen["guess"]) else 0.0
        rate = min(max(guess, rate), search.GUESS_FACTOR * rate)
        return True, min(rate, search.LARGEST_RATE)

    # 2 to 5. Ramp, choose, hold and guard.

    def act(self, seen, value, finite):
        ramping = self.phase == RAMPING
        was_calm = self.calm > 0
        loss = self.judge(value, finite)
        self.active += loss["believed"]

        known = self.watch_slope(seen, was_calm and loss["believed"])
        overshoot = self.overshoot()
        if not ramping and loss["believed"]:
            self.held += 1
            for mean, number in (
                (self.path, seen["gradient_dot_path"]),
                (self.lag, seen["gradient_dot_lag"]),
                (self.overshoots, overshoot),
            ):
                if math.isfinite(number):
                    mean.take(number)
        path_score = self.path.estimate()[2]
        mean_overshoot = self.overshoots.mean()

        descending = known and self.change.score == 0
        if descending:
            self.turn = self.rate
        at_ceiling = not self.above(self.ceiling, self.rate)
        found = ramping and known and (self.turned or at_ceiling)
        before = self.rate
        if loss["believed"]:
            self.ceiling = min(self.ceiling * (1 + 1 / (self.active + 1)), search.LARGEST_RATE)
        if found:
            self.rate = self.turn * self.factor
        elif ramping and known:
            size = math.sqrt(self.change.square)
            clarity = abs(self.slope) / size if size > 0 else 1.0
            unhurried = min(max(search.CLARITY * clarity, search.LEAST_CLARITY), 1.0)
            speed = self.growth * unhurried + self.boost * min(max(-overshoot, 0.0), 1.0) ** 2
            self.rate = min(self.rate * math.exp(speed), self.ceiling)

        harmed = not found and (loss["climbed"] or loss["exhausted"])
        asks = harmed and not loss["climbed"] and seen["rewindable"]
        told = self.suspect and loss["believed"] and not harmed
        self.suspect = asks
        swings = False
        if not ramping and not seen["rewindable"] and known and self.held > revision.AGAIN_AFTER:
            swings = self.above(overshoot, revision.BEYOND)
        if (harmed and not asks) or told or swings:
            self.retreat(ramping)
        self.peak = max(self.peak, seen["shape"])
        if not ramping and loss["believed"] and not harmed:
            change = self.log_change(path_score, mean_overshoot, loss["progress"])
            if self.above(moving.FADED * self.peak, seen["shape"]):
                change = min(change, 0.0)
            self.rate = min(self.rate * math.exp(change), self.ceiling)
        if found:
            self.found_rate, self.found_steps = self.rate, self.active
        drifted = loss["drifted"]
        if drifted and not ramping:
            self.ceiling = max(self.rate, self.found_rate)
            self.active = self.found_steps
        self.rate = min(self.rate, self.ceiling, search.LARGEST_RATE)
        self.rate = before if math.isnan(self.rate) else self.rate
        self.rate = self.rate if self.rate >= SMALLEST else 0.0

        rewind = harmed or found
        due = self.since_keep >= self.keep_after(ramping) or (ramping and descending)
        keep = drifted or loss["acquitted"] or (due and loss["worth_keeping"] and not rewind)
        restored = rewind and seen["rewindable"]
        if rewind or drifted or swings:
            self.slope = self.promise = 0.0
            self.change, self.turn = UpwardChange(self.threshold), self.rate
        condition = self.condition(loss, path_score, mean_overshoot, ramping, harmed)
        gain = max(self.lag.mean() / 2, 0.0) if len(self.lag.values) > 1 else math.inf
        self.settle(loss, rewind, restored, keep)
        if found:
            self.phase = HOLDING
        if drifted:
            self.held = 0
            self.path, self.lag, self.overshoots = GrowingMean(), GrowingMean(), GrowingMean()
        return {
            "scale": self.rate / (self.peak or 1.0),
            "condition": condition,
            "skip": not loss["believed"] and not restored and not drifted,
            "rewind": rewind,
            "keep": keep,
            "restart_average": found or restored or drifted,
            "value_mean": loss["level"],
            "value_standard_error": steps.LEVEL_ERROR * loss["deviation"],
            "progress": loss["progress"],
            "annealing_gain": gain,
        }

    def judge(self, value, finite):
        drop = max(self.first - self.best, 0.0)
        announced, deviation, excess = self.level.announce(value if finite else 0.0)
        tolerated = guard.SPIKE_DEVIATIONS * deviation + guard.SPIKE_PROGRESS * drop
        limit = tolerated
        if self.above(len(self.doubted), guard.DOUBTED_RUNS + guard.DOUBTED_SHARE * self.seen):
            limit = max(limit, guard.DOUBTED_REACH * float(np.mean(self.doubted)))
        believed = finite and not self.above(excess, limit, self.grain)
        acquitted = False
        if believed:
            if self.bad_run > 0 and self.doubt.seen > 0:
                self.doubted.append(max(self.doubt.level - announced, 0.0))
            self.level.take(min(value, announced + tolerated) if self.seen > 0 else value)
            self.bad_run = 0
        else:
            self.bad_run += 1
            if self.bad_run <= 1:
                self.doubt = RobustLevel()
            if finite:
                self.doubt.take(value)
        announced_deviation, was_on_trial = deviation, self.trial > 0
        level, deviation = self.level.level, self.level.deviation
        climbed, climbed_from, climbed_to = False, self.lowest, 0.0
        calmest = min(deviation, self.best_deviation)
        if believed and self.trial > 0:
            self.trial_values.append(value)
            self.trial -= 1
            acquitted = self.try_values(announced_deviation)
        elif believed and self.calm > 0:
            self.recent.take(min(value, announced + tolerated))
            climbed, climbed_to = self.has_risen(drop)
        if believed and not was_on_trial and self.calm > guard.CALM_STEPS:
            lost = guard.CLIMB_PROGRESS * drop + guard.CLIMB_DEVIATIONS * calmest
            if self.above(level, self.best + lost, self.grain):
                climbed, climbed_from, climbed_to = True, self.best, level
            if level < self.best:  # no edge: what depends on it hardly changes
                self.best, self.best_deviation = level, deviation
        self.seen += believed
        self.calm += believed
        self.since_keep += 1
        near = self.best + guard.KEEP_PROGRESS * drop + deviation
        worth = self.best + guard.KEEP_PROGRESS * drop + guard.KEEP_DEVIATIONS * calmest
        return {
            "finite": finite,
            "believed": believed,
            "climbed": climbed,
            "climbed_from": climbed_from,
            "climbed_to": climbed_to,
            "acquitted": acquitted,
            "exhausted": self.bad_run == self.patience,
            "drifted": finite and self.bad_run >= self.drift_patience and self.doubt.seen > 0,
            "near_best": believed and not self.above(level, near, self.grain),
            "worth_keeping": believed and not self.above(level, worth, self.grain),
            "level": level,
            "deviation": deviation,
            "progress": max(self.first - self.best, 0.0),
        }

    def try_values(self, deviation):
        """Whether the data are to blame, once the values after the rewind tell."""
        heard = len(self.trial_values)
        distance = float(np.mean(self.trial_values)) - self.trial_level
        error = trial.TRIAL_ERRORS * trial.MEAN_ERROR * deviation / math.sqrt(heard)
        certain = heard >= trial.TRIAL_LEAST and self.above(abs(distance), error, self.grain)
        if certain:
            self.trial = 0
        return certain and distance > 0

    def has_risen(self, drop):
        """Whether the mean of a long window lies above the lowest one for certain."""
        mean, error, _ = self.recent.estimate()
        if len(self.recent.values) < rise.RISE_LEAST:
            return False, mean
        granted = rise.RISE_ERRORS * error
        limit = self.lowest + rise.RISE_PROGRESS * drop
        risen = limit < math.inf and self.above(mean - granted, limit, self.grain)
        self.lowest = min(self.lowest, mean + granted)
        return risen, mean

    def watch_slope(self, seen, watching):
        slope, promise = seen["gradient_dot_update"], seen["previous_gradient_dot_update"]
        known = watching and math.isfinite(slope) and math.isfinite(promise) and promise != 0
        self.turned = False
        if known:
            decay = search.ALIGNMENT_DECAY
            self.slope = decay * self.slope + (1 - decay) * slope
            self.promise = decay * self.promise + (1 - decay) * promise
            before = self.change.score
            self.change.take(slope)
            size = math.sqrt(self.change.square)
            self.above(before + (slope / size if size > 0 else 0.0), self.change.allowance)
            self.turned = self.above(self.change.score, self.threshold)
        return known

    def overshoot(self):
        if self.promise >= 0:
            return 0.0
        return min(max(self.slope / -self.promise, -1.0), 10.0)

    def retreat(self, ramping):
        if ramping:
            grown = self.above(self.rate, moving.RAMP_GROWN * self.start)
            limit = self.rate * moving.RAMP_CEILING if grown else self.ceiling
            self.rate /= moving.RAMP_RETREAT
        else:
            self.rate /= moving.HOLD_RETREAT
            limit = self.rate * moving.HOLD_CEILING
        self.ceiling = min(self.ceiling, limit)
        floor = moving.RATE_FLOOR * (self.found_rate or self.start)
        self.rate, self.ceiling = max(self.rate, floor), max(self.ceiling, floor)

    def log_change(self, score, overshoot, progress):
        gate, full = revision.GATE, revision.FULL
        change = 0.0
        if self.held > revision.REVISE_AFTER:
            lowering = min(max((score - gate) / (full - gate), 0.0), 1.0)
            raising = min(max((-score - gate) / (full - gate), 0.0), 1.0)
            if self.above(overshoot, revision.OVERSHOOT_ROOF) or not raising:
                raising = 0.0
            change += (raising - lowering) / max(self.active, revision.LEAST_STEPS)
        grown = self.rate / (self.found_rate or 1.0)
        in_reach = self.held > revision.AGAIN_AFTER and self.above(revision.AGAIN_REACH, grown)
        if in_reach and self.above(-self.path.mean(), revision.AGAIN_PROMISE * progress):
            aligned = (revision.ALIGNED - overshoot) / (revision.ALIGNED - revision.FULLY_ALIGNED)
            change += revision.AGAIN * min(max(aligned, 0.0), 1.0)
        return change

    def keep_after(self, ramping):
        if ramping:
            return steps.RAMP_KEEP
        return steps.HOLD_KEEP + int(np.float32(steps.HOLD_KEEP_FRACTION) * np.float32(self.held))

    def condition(self, loss, score, overshoot, ramping, harmed):
        if not loss["finite"]:
            return Condition.NONFINITE
        if loss["drifted"] or loss["acquitted"]:
            return Condition.DRIFTED
        if harmed:
            return Condition.DIVERGING
        if not loss["believed"]:
            return Condition.SPIKE
        if ramping:
            return Condition.RAMPING
        if not loss["near_best"]:
            return Condition.RISING
        if self.held > 1:
            if self.above(score, revision.GATE):
                return Condition.NOISE_LIMITED
            if self.above(-score, revision.GATE):
                return Condition.DESCENDING
            if self.above(overshoot, revision.OVERSHOOT_ROOF):
                return Condition.OSCILLATING
        return Condition.FLAT

    def settle(self, loss, rewound, restored, kept):
        level, best = self.level.level, self.best
        if loss["drifted"]:
            deviation = max(self.doubt.deviation, self.level.deviation)
            self.level, self.doubt = self.doubt, RobustLevel()
            self.level.deviation = self.best_deviation = deviation
            self.first = self.best = self.level.level
            self.bad_run = self.calm = self.trial = 0
            self.recent, self.lowest = GrowingMean(), math.inf
        elif loss["acquitted"]:
            self.shift(float(np.mean(self.trial_values)))
        elif loss["climbed"] and not restored:
            self.shift(level)
        else:
            if restored and loss["finite"]:
                self.level.level = best
            if loss["climbed"]:
                self.trial, self.trial_values = trial.TRIAL_STEPS, []
                self.trial_level = (loss["climbed_from"] + loss["climbed_to"]) / 2
            if rewound:
                self.recent = GrowingMean()
        if rewound:
            self.calm = 0
        if kept:
            self.since_keep = 0

    def shift(self, level):
        """Take a climb of the data for what it is: levels above it tell of progress as before."""
        self.first += level - self.best
        self.level.level = self.best = level
        self.best_deviation = self.level.deviation
        self.recent, self.lowest = GrowingMean(), math.inf
