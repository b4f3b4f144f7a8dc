"""The contenders that know the step alone.

Six of them, from `fixed` to `warmup_cosine`, are those of Zhang et al., Dive into Deep Learning,
section 12.11, in a run of 30 epochs with the base rate 0.3. There the rate changes once an epoch,
here at every step; other run lengths stretch the same curves.
"""

from functools import partial

import optax

import optax_aware as oa
from experiments.contenders.plan import Plan


def fixed(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(plan.learning_rate)


def square_root(plan: Plan) -> optax.Schedule:
    return oa.schedules.inverse_power(plan.learning_rate / 3, timescale=plan.steps(1))


def factor(plan: Plan) -> optax.Schedule:
    return oa.schedules.exponential(
        plan.learning_rate,
        decay_rate=0.9,
        decay_steps=plan.steps(1),
        end_value=plan.learning_rate / 30,
    )


def multi_factor(plan: Plan) -> optax.Schedule:
    boundaries = [plan.steps(15), plan.steps(30)]
    return oa.schedules.multi_step(plan.learning_rate * 5 / 3, boundaries, factor=0.5)


def cosine(plan: Plan) -> optax.Schedule:
    return oa.schedules.cosine(
        plan.learning_rate, decay_steps=plan.steps(20), end_value=plan.learning_rate / 30
    )


def linear(plan: Plan) -> optax.Schedule:
    return oa.schedules.linear(plan.learning_rate, 0.0, decay_steps=plan.total_steps)


def one_cycle(plan: Plan) -> optax.Schedule:
    return oa.schedules.one_cycle(plan.learning_rate, plan.total_steps)


def warmup_stable_decay(plan: Plan) -> optax.Schedule:
    warmup_steps, decay_steps = plan.steps(1.5), plan.steps(9)
    return oa.schedules.warmup_stable_decay(
        plan.learning_rate,
        warmup_steps=warmup_steps,
        stable_steps=max(0, plan.total_steps - warmup_steps - decay_steps),
        decay_steps=decay_steps,
    )


def triangular(plan: Plan) -> optax.Schedule:
    return oa.schedules.triangular(
        plan.learning_rate / 30, plan.learning_rate, half_period=plan.steps(5)
    )


def _warmup_cosine(plan: Plan, warmup: float) -> optax.Schedule:
    decay = oa.schedules.cosine(
        plan.learning_rate, decay_steps=plan.steps(20 - warmup), end_value=plan.learning_rate / 30
    )
    return oa.schedules.warmup(decay, plan.steps(warmup))


def _polynomial(plan: Plan, power: float) -> optax.Schedule:
    return oa.schedules.polynomial(
        plan.learning_rate, 0.0, decay_steps=plan.total_steps, power=power
    )


def _fixed(plan: Plan, factor: float) -> optax.Schedule:
    return oa.schedules.constant(factor * plan.learning_rate)


warmup_cosine = partial(_warmup_cosine, warmup=5)

# One number of a schedule above, varied.
warmup_cosine_1 = partial(_warmup_cosine, warmup=1)
warmup_cosine_2 = partial(_warmup_cosine, warmup=2)
warmup_cosine_10 = partial(_warmup_cosine, warmup=10)
polynomial_half = partial(_polynomial, power=0.5)
polynomial_2 = partial(_polynomial, power=2.0)
polynomial_3 = partial(_polynomial, power=3.0)
fixed_hundredth = partial(_fixed, factor=1 / 100)
fixed_tenth = partial(_fixed, factor=1 / 10)
fixed_third = partial(_fixed, factor=1 / 3)
fixed_triple = partial(_fixed, factor=3.0)
