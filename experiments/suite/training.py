"""Trains many runs at once in one compiled program; whatever is a number is handed in as data."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.suite.problem import Problem

MARKS = 8
AVERAGE_ORDER = 16.0


class Setting(NamedTuple):
    """What differs between runs of one program, as arrays.

    Attributes:
      factor: multiplies the rate at each step, shape (length,).
      number: the one number of the contender: a peak rate, a base rate, a first guess.
      steps: the length of this run.
    """

    factor: Any
    number: Any
    steps: Any


class Disturbance(NamedTuple):
    """What happens to a run from outside, one number a step, shape (length,).

    Attributes:
      blow: multiplies loss and gradient; 1 is nothing, NaN makes both not finite.
      altered: true where the step sees the altered problem.
      altered_at_end: true where the altered problem's held-out loss is the one that counts.
    """

    blow: Any
    altered: Any
    altered_at_end: Any


class Contestant(NamedTuple):
    """An optimizer in a program.

    Attributes:
      make: maps a traced `Setting` to the transformation.
      eval_params: maps its state and parameters to the parameters to evaluate.
      watch: maps its state to the rate, the condition and the number of rewinds; None where
        the state has nothing to tell.
    """

    make: Callable[[Setting], optax.GradientTransformationExtraArgs]
    eval_params: Callable[[Any, Any], Any] = lambda state, params: params
    watch: Callable[[Any], tuple[jax.Array, jax.Array, jax.Array]] | None = None


class Outcome(NamedTuple):
    """What came of the runs; the leading axes are settings and seeds.

    Attributes:
      held_out: held-out loss at each of the marks, the start first, of the parameters to
        evaluate.
      averaged: the same of the polynomial average of the parameters.
      value: the training loss at each step, before noise from outside; NaN after the end.
      rate: the rate at each step where it can be told, else empty.
      condition: the condition at each step where it can be told, else empty.
      rewinds: how often the run has gone back.
    """

    held_out: Any
    averaged: Any
    value: Any
    rate: Any
    condition: Any
    rewinds: Any


def nothing(length: int) -> Disturbance:
    """An undisturbed run."""
    return Disturbance(np.ones(length, np.float32), np.zeros(length, bool), np.bool_(False))


def marks_of(steps: int) -> np.ndarray:
    """The numbers of updates after which the held-out loss is looked at: eighths of the run."""
    return np.round(np.arange(MARKS + 1) * steps / MARKS).astype(np.int32)


class Program:
    """One contender on one problem: compiled once, for settings in groups of ``width``."""

    def __init__(self, problem: Problem, contestant: Contestant, length: int, width: int):
        self.length = length
        self._problem = problem
        self._width = width
        self._drawn: tuple[tuple[int, ...], Any, Any] | None = None
        runs = jax.vmap(_run_of(problem, contestant, length), (None, None, None, None, 0, None))
        self._compiled = jax.jit(jax.vmap(runs, (None, None, 0, 0, None, None)))

    def run(
        self,
        settings: Sequence[Setting],
        seeds: Sequence[int],
        steps: int,
        disturbance: Disturbance | None = None,
    ) -> Outcome:
        """Train every setting with every seed for ``steps`` updates.

        The number of seeds has to be the same at every call, or it is compiled anew.
        """
        if disturbance is None:
            disturbance = nothing(self.length)
        starts, draws = self._randomness(tuple(seeds))
        outcomes = []
        for first in range(0, len(settings), self._width):
            group = list(settings[first : first + self._width])
            used = len(group)
            group += [group[-1]] * (self._width - used)
            stacked = Setting(
                np.stack([one.factor for one in group]).astype(np.float32),
                np.array([one.number for one in group], np.float32),
                np.array([one.steps for one in group], np.int32),
            )
            outcome = self._compiled(
                self._problem.arrays, marks_of(steps), starts, draws, stacked, disturbance
            )
            outcomes.append(
                jax.tree.map(lambda leaf: np.swapaxes(np.asarray(leaf), 0, 1)[:used], outcome)  # noqa: B023
            )
        whole = jax.tree.map(lambda *leaves: np.concatenate(leaves), *outcomes)
        return whole._replace(
            **{name: getattr(whole, name)[..., :steps] for name in ("value", "rate", "condition")}
        )

    def _randomness(self, seeds: tuple[int, ...]) -> tuple[Any, Any]:
        """Initial parameters and draws of every seed, kept from one call to the next."""
        if self._drawn is None or self._drawn[0] != seeds:
            starts, draws = [], []
            for seed in seeds:
                first, second = np.random.default_rng(seed).spawn(2)
                starts.append(self._problem.init(first))
                draws.append(self._problem.draw(second, self.length))
            self._drawn = seeds, _stacked(starts), _stacked(draws)
        return self._drawn[1:]


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves)), *trees)


def _run_of(problem: Problem, contestant: Contestant, length: int) -> Callable[..., Outcome]:
    """The function that trains one run."""

    def run(arrays, marks, params, draws, setting: Setting, disturbance: Disturbance) -> Outcome:
        tx = optax.with_extra_args_support(contestant.make(setting))
        watched = contestant.watch is not None
        curve = jnp.full(length, jnp.nan)
        conditions = jnp.full(length if watched else 0, -1, jnp.int32)

        def update(step, carry):
            params, state, average, value_curve, rate_curve, condition_curve = carry
            drawn = jax.tree.map(lambda leaf: leaf[step], draws)
            batch = problem.batch(arrays, drawn, disturbance.altered[step])

            def objective(params):
                value = problem.loss(params, batch)
                return disturbance.blow[step] * value, value

            (value, undisturbed), gradients = jax.value_and_grad(objective, has_aux=True)(params)
            updates, state = tx.update(gradients, state, params, value=value)
            params = optax.apply_updates(params, updates)
            weight = (AVERAGE_ORDER + 1.0) / (step + AVERAGE_ORDER + 1.0)
            average = jax.tree.map(lambda old, new: old + weight * (new - old), average, params)
            value_curve = value_curve.at[step].set(undisturbed)
            if contestant.watch is not None:
                rate, condition, _ = contestant.watch(state)
                rate_curve = rate_curve.at[step].set(rate)
                condition_curve = condition_curve.at[step].set(condition)
            return params, state, average, value_curve, rate_curve, condition_curve

        def advance(carry, mark):
            done, inside = carry
            inside = jax.lax.fori_loop(done, mark, update, inside)
            params, state, average = inside[:3]
            both = jax.tree.map(
                lambda *pair: jnp.stack(pair), contestant.eval_params(state, params), average
            )
            losses = jax.vmap(problem.held_out, (0, None, None))(
                both, arrays, disturbance.altered_at_end
            )
            return (mark, inside), losses

        rates = curve if watched else curve[:0]
        inside = (params, tx.init(params), params, curve, rates, conditions)
        (_, inside), losses = jax.lax.scan(advance, (jnp.int32(0), inside), marks)
        state = inside[1]
        rewinds = contestant.watch(state)[2] if contestant.watch is not None else jnp.int32(0)
        return Outcome(losses[:, 0], losses[:, 1], inside[3], inside[4], inside[5], rewinds)

    return run
