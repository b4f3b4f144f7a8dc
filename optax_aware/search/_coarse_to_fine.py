"""Many rates trained at once, then more of them around the best."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from optax_aware._arguments import check_integer
from optax_aware.search._arguments import (
    as_function,
    check_devices,
    check_eval,
    check_loss,
    check_range,
    check_schedule,
)
from optax_aware.search._batches import BatchSource
from optax_aware.search._candidates import TRAINING, Candidates, everywhere, kept, spread, start
from optax_aware.search._coarse_result import Candidate, CoarseToFine
from optax_aware.search._narrowing import between_neighbours, hopeless
from optax_aware.transforms._arguments import check_inner
from optax_aware.transforms._direction_sign import direction_sign
from optax_aware.transforms._leaves import own

PARTS = 4
"""How often in a run candidates that do worse than no training are given up."""


class _Setup(NamedTuple):
    """What all rounds share."""

    loss_fn: Callable[[Any, Any], Any]
    params: Any
    source: BatchSource
    inner: optax.GradientTransformation
    train: Callable[..., Any]
    evaluate: Callable[[Any], Any] | None
    num_steps: int
    devices: Sequence[Any]
    sign: jax.Array


def coarse_to_fine(
    loss_fn: Callable[[Any, Any], Any],
    params: optax.Params,
    batches: Any,
    inner: optax.GradientTransformation,
    *,
    min_rate: float = 1e-5,
    max_rate: float = 10.0,
    num_rates: int = 16,
    num_rounds: int = 2,
    num_steps: int = 200,
    schedule: Callable[[Any], optax.Schedule] | None = None,
    eval_fn: Callable[[Any], Any] | None = None,
    devices: Sequence[Any] | None = None,
) -> CoarseToFine:
    r"""Train many rates at once, then as many again around the best of them.

    The first round is an even grid on the log scale; each later one lies between the two
    neighbours of the best rate so far. All runs of a round start from ``params`` and see the
    same batches; they are one compiled loop over a vmapped step, spread over the devices. A
    run that is lost (not finite, or by three standard errors worse on its batches than
    the untrained parameters) is given up at the next quarter of the round, which ends when
    none is left; once half of the runs are lost, the others go on in a narrower program.
    Prefer it where ``num_rates`` copies of parameters and optimizer state fit into memory;
    `range_test` needs one.

    .. math::
      \eta_i = \eta_{min} (\eta_{max} / \eta_{min})^{i / (n - 1)}, \quad i = 0 \dots n - 1

    Args:
      loss_fn: maps parameters and a batch to a scalar loss; of any sign.
      params: the parameters that all runs start from; they stay as they are.
      batches: a pytree of arrays (a dict, a tuple) whose first axis is the step, read round
        and round; or a list, a loader or an iterator of batches of the same shapes, read in
        quarters of a round. Every round reads on in them, so an iterator needs
        ``num_rounds * num_steps`` of them.
      inner: what gives the direction, without a rate: ``optax.scale_by_adam()``.
      min_rate: the lowest rate, above 0.
      max_rate: the highest, above ``min_rate``.
      num_rates: how many rates in each round, at least 3.
      num_rounds: how many rounds, at least 1.
      num_steps: updates of each run, at least 4. The best rate falls with the length of the
        run: make it a fair part of the real one.
      schedule: maps a rate to a schedule of the step, such as
        ``lambda peak: oa.schedules.cosine(peak, 200)``; None for constant rates.
      eval_fn: maps parameters to the loss that decides, on held-out data; None for the mean
        training loss over the last quarter of the run, rounded up to whole steps.
      devices: the `jax.Device` objects to train on; None for all of this process.

    Returns:
      A `CoarseToFine`: every rate with its loss, and the best; printing it gives a table.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> curvatures = jnp.array([1.0, 0.1])  # diverges above a rate of 2
      >>> result = oa.search.coarse_to_fine(
      ...     lambda x, batch: jnp.sum(curvatures * (x - batch) ** 2) / 2,
      ...     jnp.array([3.0, -2.0]), jnp.zeros((1, 2)), optax.identity(),
      ...     min_rate=0.01, max_rate=10.0, num_rates=7, num_steps=20,
      ... )
      >>> print(1.0 < result.best < 2.0, len(result.candidates))
      True 14

    References:
      Bengio, Practical Recommendations for Gradient-Based Training of Deep Architectures,
      2012, arXiv:1206.5533, section 3.3. Jamieson and Talwalkar, Non-stochastic Best Arm
      Identification and Hyperparameter Optimization, 2016, arXiv:1502.07943 (giving up
      early).
    """
    loss_fn = as_function(loss_fn)
    check_inner(inner)
    check_range(min_rate, max_rate)
    check_integer("num_rates", num_rates, 3)
    check_integer("num_rounds", num_rounds, 1)
    check_integer("num_steps", num_steps, PARTS)
    devices = check_devices(jax.local_devices() if devices is None else devices)
    params = jax.tree.map(own, params)
    if schedule is not None:
        check_schedule(schedule)
    if eval_fn is not None:
        check_eval(eval_fn, params)
    setup = _Setup(
        loss_fn,
        params,
        BatchSource(batches, num_rounds * num_steps),
        inner,
        TRAINING.of(loss_fn, inner, schedule),
        None if eval_fn is None else jax.jit(jax.vmap(eval_fn)),
        num_steps,
        devices,
        direction_sign(optax.with_extra_args_support(inner), params),
    )
    found: list[Candidate] = []
    grid = np.geomspace(min_rate, max_rate, num_rates)
    for round_number in range(1, num_rounds + 1):
        found += _train_round(setup, grid, round_number)
        found.sort(key=lambda one: one.rate)
        best = _best_place(found)
        if best is None:
            break
        grid = between_neighbours([one.rate for one in found], best, num_rates)
    return CoarseToFine(tuple(found), num_steps)


def _train_round(setup: _Setup, rates: np.ndarray, round_number: int) -> list[Candidate]:
    """Train one round, a quarter after the other, and tell what came of every rate."""
    width = _width(len(rates), len(setup.devices))
    runs = spread(start(setup.params, setup.inner, rates, width), setup.devices)
    members = np.arange(len(rates))  # which rate each place of `runs` has
    steps = np.zeros(len(rates), int)
    scores = np.full(len(rates), np.nan)
    given_up = np.ones(len(rates), bool)
    ends = [setup.num_steps * part // PARTS for part in range(PARTS + 1)]
    size = -(-setup.num_steps // PARTS)
    for first, end in itertools.pairwise(ends):
        count = end - first
        stacked, offset = setup.source.take(first, count, size)
        if first == 0:
            check_loss(setup.loss_fn, setup.params, stacked)
        numbers = (jnp.int32(first), jnp.int32(count), jnp.int32(offset), setup.sign)
        numbers, stacked, untrained = everywhere((numbers, stacked, setup.params), runs)
        runs, losses, references = setup.train(
            runs,
            *numbers,
            stacked,
            untrained,
            size=size,
        )
        losses, references = np.asarray(losses, float), np.asarray(references, float)
        losses, references = losses[:count, : len(members)], references[:count]
        steps[members] += np.sum(np.isfinite(losses), axis=0)
        lost = [hopeless(losses[:, place], references) for place in range(len(members))]
        going = np.asarray(runs.going)[: len(members)] & ~np.array(lost)
        if not going.any():
            break
        if end < setup.num_steps:
            runs, members = _without_lost(runs, members, going, setup.devices)
        else:
            scores[members[going]] = _scores(setup, runs, losses)[going]
            given_up[members[going]] = False
    return [
        Candidate(round_number, float(rate), float(score), int(made), bool(lost))
        for rate, score, made, lost in zip(rates, scores, steps, given_up, strict=True)
    ]


def _without_lost(
    runs: Candidates, members: np.ndarray, going: np.ndarray, devices: Sequence[Any]
) -> tuple[Candidates, np.ndarray]:
    """Stop the lost runs, and leave them out once those that go on fit into half the places.

    Every width is compiled once, so widths are powers of two where the devices allow it.
    """
    places = np.flatnonzero(going)
    width = _width(1 << (len(places) - 1).bit_length(), len(devices))
    if width < runs.going.shape[0]:
        return spread(kept(runs, places, width), devices), members[places]
    filled = np.concatenate([going, np.zeros(runs.going.shape[0] - len(going), bool)])
    return runs._replace(going=jax.device_put(filled, runs.going.sharding)), members


def _scores(setup: _Setup, runs: Candidates, losses: np.ndarray) -> np.ndarray:
    """Return what decides about every run: held-out loss, or mean training loss at the end."""
    if setup.evaluate is not None:
        return np.asarray(setup.evaluate(runs.params), float)[: losses.shape[1]]
    finite = np.isfinite(losses)
    sums = np.where(finite, losses, 0.0).sum(axis=0)
    return sums / np.maximum(finite.sum(axis=0), 1)


def _best_place(found: Sequence[Candidate]) -> int | None:
    scores = np.array([one.loss for one in found])
    finite = np.where(np.isfinite(scores), scores, np.inf)
    return int(np.argmin(finite)) if np.isfinite(finite).any() else None


def _width(count: int, devices: int) -> int:
    """Return the number of places for so many runs: a multiple of the devices they share."""
    shared = min(count, devices)
    return -(-count // shared) * shared
