"""Makes an optax transformation of a contender."""

import optax

import optax_aware as oa
from experiments.contenders import policies, schedules
from experiments.contenders.catalogue import find_contender
from experiments.contenders.plan import Plan


def transformation(name: str, plan: Plan) -> optax.GradientTransformationExtraArgs:
    """Gradient descent under a contender: ``optax.identity()`` gives every one its direction.

    No parameters are averaged: the learning rate alone differs. A policy that finds its rate
    is not handed one, and told how long the run is, which the schedules know as well; it
    cools down at the end.
    """
    inner = optax.identity()
    if find_contender(name).kind == "schedule":
        schedule = getattr(schedules, name)(plan)
        return oa.aware(inner, oa.policies.constant(), learning_rate=schedule, average=False)
    policy = getattr(policies, name)(plan)
    if policy.finds_rate:
        return oa.aware(inner, policy, total_steps=plan.total_steps, average=False)
    return oa.aware(inner, policy, learning_rate=plan.learning_rate, average=False)
