"""Optimizers of others that find their rate themselves, in optax's own implementations.

Each has the settings that its documentation recommends, those of the inner optimizer where it
wraps one, and the weight decay of the task where it has one of its own. A cosine is handed in
as the schedule of their ``learning_rate``, as their authors do.
"""

from collections.abc import Callable

import optax

from experiments.suite.contenders.contender import Contender
from experiments.suite.rates import WARMUP_SHARE
from experiments.suite.tasks.task import Task
from experiments.suite.training import Contestant, Setting

Transformation = optax.GradientTransformation | optax.GradientTransformationExtraArgs


def _contestant(make: Callable[[Task, Setting], Transformation]) -> Callable[[Task], Contestant]:
    def contestant(task: Task) -> Contestant:
        return Contestant(lambda setting: optax.with_extra_args_support(make(task, setting)))

    return contestant


def _follow(setting: Setting) -> optax.Schedule:
    return lambda step: setting.factor[step]


def _prodigy(task: Task, setting: Setting) -> Transformation:
    return optax.contrib.prodigy(
        _follow(setting), estim_lr0=setting.number, weight_decay=task.inner.weight_decay
    )


def _dadapt_adamw(task: Task, setting: Setting) -> Transformation:
    return optax.contrib.dadapt_adamw(
        _follow(setting), estim_lr0=setting.number, weight_decay=task.inner.weight_decay
    )


def _dog(task: Task, setting: Setting) -> Transformation:
    return optax.contrib.dog(
        _follow(setting),
        init_step=("heuristic", setting.number),
        weight_decay=task.inner.weight_decay or None,
    )


def _dowg(task: Task, setting: Setting) -> Transformation:
    return optax.contrib.dowg(_follow(setting), weight_decay=task.inner.weight_decay or None)


def _mechanic(task: Task, setting: Setting) -> Transformation:
    base = optax.chain(task.inner.make(), optax.scale_by_learning_rate(_follow(setting)))
    return optax.contrib.mechanize(base, s_init=setting.number)


def _momo(task: Task, setting: Setting) -> Transformation:
    def schedule(step):
        return setting.number * setting.factor[step]

    return optax.contrib.momo(schedule, lower_bound=_lower_bound(task))


def _momo_adam(task: Task, setting: Setting) -> Transformation:
    def schedule(step):
        return setting.number * setting.factor[step]

    return optax.contrib.momo_adam(
        schedule, lower_bound=_lower_bound(task), weight_decay=task.inner.weight_decay
    )


def _lower_bound(task: Task) -> float:
    """The floor where the loss may be negative, which a person would have to know; else 0."""
    return min(task.floor, 0.0)


def _cocob(task: Task, setting: Setting) -> Transformation:
    return optax.contrib.cocob(_follow(setting), weight_decay=task.inner.weight_decay)


def _schedule_free_sgd(task: Task) -> Contestant:
    def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
        return optax.contrib.schedule_free_sgd(setting.number, _warmup_steps(task))

    return Contestant(make, optax.contrib.schedule_free_eval_params)


def _schedule_free_adamw(task: Task) -> Contestant:
    def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
        return optax.contrib.schedule_free_adamw(
            setting.number, _warmup_steps(task), weight_decay=task.inner.weight_decay
        )

    return Contestant(make, optax.contrib.schedule_free_eval_params)


def _warmup_steps(task: Task) -> int:
    return max(1, round(WARMUP_SHARE * task.steps))


def _free(
    name: str,
    summary: str,
    make: Callable[[Task, Setting], Transformation],
    default: float,
    families: tuple[str, ...] = ("sgd", "adaptive"),
) -> Contender:
    return Contender(
        name, "free", summary, _contestant(make), __name__, lambda task: default, families
    )


CONTENDERS = (
    _free("prodigy", "Prodigy, arXiv:2306.06101; is Adam", _prodigy, 1e-6),
    _free("dadapt_adamw", "D-Adaptation, arXiv:2301.07733; is Adam", _dadapt_adamw, 1e-6),
    _free("dog", "distance over gradients, arXiv:2302.12022; is SGD", _dog, 1e-6),
    _free("dowg", "the same, weighted, arXiv:2305.16284; is SGD", _dowg, 1.0),
    _free("mechanic", "Mechanic, arXiv:2306.00144, around the inner optimizer", _mechanic, 1e-6),
    _free("momo", "MoMo, arXiv:2305.07583; is momentum", _momo, 1.0, ("sgd",)),
    _free("momo_adam", "MoMo-Adam, arXiv:2305.07583", _momo_adam, 1e-2),
    _free("cocob", "coin betting, arXiv:1705.07795; a rate a parameter", _cocob, 1.0),
    Contender(
        "schedule_free_sgd",
        "tuned",
        "schedule-free SGD, arXiv:2405.15682, its rate tuned",
        _schedule_free_sgd,
        __name__,
        lambda task: 1.0,
        ("sgd",),
    ),
    Contender(
        "schedule_free_adamw",
        "tuned",
        "schedule-free AdamW, arXiv:2405.15682, its rate tuned",
        _schedule_free_adamw,
        __name__,
        lambda task: 0.01,
    ),
)
