"""The contenders that know the step alone.

Six of them, from `fixed` to `warmup_cosine`, are those of Zhang et al., Dive into Deep Learning,
section 12.11, in a run of 30 epochs with the base rate 0.3. There the rate changes once an epoch,
here at every step; other run lengths stretch the same curves.
"""

import optax

import optax_aware as oa
from experiments.contenders.plan import Plan


def fixed(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(plan.learning_rate)


def fixed_hundredth(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(plan.learning_rate / 100)


def fixed_tenth(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(plan.learning_rate / 10)


def fixed_third(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(plan.learning_rate / 3)


def fixed_triple(plan: Plan) -> optax.Schedule:
    return oa.schedules.constant(3 * plan.learning_rate)


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


def warmup_cosine(plan: Plan) -> optax.Schedule:
    return _warmup_cosine(plan, 5)


def warmup_cosine_1(plan: Plan) -> optax.Schedule:
    return _warmup_cosine(plan, 1)


def warmup_cosine_2(plan: Plan) -> optax.Schedule:
    return _warmup_cosine(plan, 2)


def warmup_cosine_10(plan: Plan) -> optax.Schedule:
    return _warmup_cosine(plan, 10)


def linear(plan: Plan) -> optax.Schedule:
    return oa.schedules.linear(plan.learning_rate, 0.0, decay_steps=plan.total_steps)


def polynomial_half(plan: Plan) -> optax.Schedule:
    return _polynomial(plan, 0.5)


def polynomial_2(plan: Plan) -> optax.Schedule:
    return _polynomial(plan, 2.0)


def polynomial_3(plan: Plan) -> optax.Schedule:
    return _polynomial(plan, 3.0)


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
