"""The inner optimizer at the rates of a table: what the oracle is the best of."""

import optax

from experiments.suite.contenders.contender import Contender
from experiments.suite.tasks.task import Task
from experiments.suite.training import Contestant, Setting


def _scheduled(task: Task) -> Contestant:
    def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
        return optax.chain(
            task.inner.make(),
            optax.scale_by_schedule(lambda step: -setting.number * setting.factor[step]),
        )

    return Contestant(make)


CONTENDERS = (
    Contender(
        "schedules",
        "schedules",
        "cosine, linear, warmup-stable-decay and constant, each at its best peak rate",
        _scheduled,
        __name__,
        default=lambda task: task.inner.centre,
    ),
)
