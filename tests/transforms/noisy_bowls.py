"""Runs of `aware` without a learning rate in noisy quadratic bowls: all of them in one compiled
program, whatever differs between them being data, the inner optimizer included."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa

STEPS, SIZE = 400, 8
LANES = 16

INNERS = {
    "sgd": optax.identity,
    "momentum": lambda: optax.trace(0.9),
    # So small an eps that it is rounded away: what is left is invariant to scale, bit by bit.
    "adam": lambda: optax.scale_by_adam(eps=1e-30),
    "sign": lambda: optax.stateless(lambda updates, params: jax.tree.map(jnp.sign, updates)),
    "lion": optax.scale_by_lion,
}
INTEGERS = ("total_steps", "inner")


class Bowl(NamedTuple):
    """One run. Values are ``loss_scale * (value_factor * loss + value_offset)``."""

    curvature: np.ndarray
    start: np.ndarray
    targets: np.ndarray
    loss_scale: float = 1.0
    unit: float = 1.0
    value_factor: np.ndarray | float = 1.0
    value_offset: np.ndarray | float = 0.0
    gradient_factor: np.ndarray | float = 1.0
    shape: np.ndarray | float = 1.0
    guess: float = np.nan
    total_steps: int = 2**30
    inner: int = 0


class Course(NamedTuple):
    """What came of it, a row for each step."""

    loss: np.ndarray
    rate: np.ndarray
    scale: np.ndarray
    condition: np.ndarray
    rewound: np.ndarray
    skipped: np.ndarray
    params: np.ndarray
    averaged_loss: np.ndarray


def bowl(seed: int = 0, noise: float = 0.3, steps: int = STEPS, **changes) -> Bowl:
    """Return a bowl of condition number 30 whose minimum is seen through noise."""
    random = np.random.default_rng(seed)
    return Bowl(
        curvature=np.geomspace(0.1, 3.0, SIZE),
        start=random.normal(3.0, 1.0, SIZE),
        targets=noise * random.normal(size=(steps, SIZE)),
    )._replace(**changes)


def _stacked(bowls: list[Bowl]) -> Bowl:
    def column(name):
        column = np.stack([np.asarray(getattr(one, name)) for one in bowls])
        return jnp.asarray(column, jnp.int32 if name in INTEGERS else jnp.float32)

    shaped = [
        one._replace(
            **{
                name: np.broadcast_to(getattr(one, name), len(one.targets))
                for name in ("value_factor", "value_offset", "gradient_factor", "shape")
            }
        )
        for one in bowls
    ]
    bowls = shaped
    return Bowl(*(column(name) for name in Bowl._fields))


def _inner(number: jax.Array) -> optax.GradientTransformation:
    """Return the inner optimizer of that number, which may be traced."""
    members = [make() for make in INNERS.values()]

    def update(updates, states, params=None):
        results = [
            member.update(updates, state, params)
            for member, state in zip(members, states, strict=True)
        ]
        chosen = [number == place for place in range(len(members))]
        direction = jnp.select(chosen, [direction for direction, _ in results])
        return direction, tuple(state for _, state in results)

    return optax.GradientTransformation(
        lambda params: tuple(member.init(params) for member in members), update
    )


def _loss(bowl: Bowl, params, target):
    return 0.5 * jnp.sum(bowl.curvature * (bowl.unit * params - target) ** 2)


@functools.cache
def _program(policy: oa.Policy | None, rewind: bool, shaped: bool):

    def whole(bowl: Bowl) -> Course:
        tx = oa.aware(
            _inner(bowl.inner),
            policy,
            learning_rate=(lambda step: bowl.shape[step]) if shaped else bowl.guess,
            rewind=rewind,
            total_steps=bowl.total_steps,
            average=True,
        )

        def step(carry, seen):
            params, opt_state = carry
            target, factor, offset, gradient_factor = seen
            loss, grads = jax.value_and_grad(lambda p: _loss(bowl, p, target))(params)
            value = bowl.loss_scale * (factor * loss + offset)
            grads = bowl.loss_scale * gradient_factor * grads
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            after = optax.apply_updates(params, updates)
            report = oa.report(opt_state)
            aim = jnp.mean(bowl.targets[-len(bowl.targets) // 2 :], axis=0)
            course = Course(
                loss=_loss(bowl, params, aim),
                rate=report.learning_rate,
                scale=report.scale,
                condition=report.condition,
                rewound=report.rewound,
                skipped=report.skipped,
                params=params,
                averaged_loss=_loss(bowl, oa.eval_params(opt_state, after), aim),
            )
            return (after, opt_state), course

        start = bowl.start / bowl.unit
        streams = (bowl.targets, bowl.value_factor, bowl.value_offset, bowl.gradient_factor)
        return jax.lax.scan(step, (start, tx.init(start)), streams)[1]

    return jax.jit(jax.vmap(whole), compiler_options={"xla_backend_optimization_level": 1})


def courses(
    bowls: dict[str, Bowl],
    policy: oa.Policy | None = None,
    *,
    rewind: bool = True,
    shaped: bool = False,
    inners: Sequence[str] = tuple(INNERS),
) -> dict[tuple[str, str], Course]:
    """Run every bowl with the inner optimizers; without a policy, with the default of `aware`.

    What is shaped has a schedule, and no guess.
    """
    cases = {
        (inner, name): one._replace(inner=number)
        for number, inner in enumerate(INNERS)
        if inner in inners
        for name, one in bowls.items()
    }
    bowls_in_rows = list(cases.values())
    # Whole vectors of rows: a remainder goes through other instructions, which may round otherwise.
    bowls_in_rows += bowls_in_rows[-1:] * (-len(bowls_in_rows) % LANES)
    together = _program(policy, rewind, shaped)(_stacked(bowls_in_rows))
    together = jax.tree.map(np.asarray, together)
    return {
        case: jax.tree.map(lambda field, row=row: field[row], together)
        for row, case in enumerate(cases)
    }
