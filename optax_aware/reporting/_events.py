"""What changed the rate of a run, when and why, for a person to read."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple, overload

import jax
import jax.core
import numpy as np
import optax

from optax_aware._types import CONDITIONS
from optax_aware.reporting._states import only_awareness, unwrapped
from optax_aware.reporting._text_table import aligned
from optax_aware.transforms._event_log import EVENT_ACTIONS


class Event(NamedTuple):
    """Consecutive steps at which the policy acted in the same way for the same reason.

    All of it is plain Python; numbers that nobody knows are infinite.

    Attributes:
      first_step: the number of updates before the first of these steps.
      last_step: the number of updates before the last of them; the same for a single step.
      condition: what the policy saw, one of `CONDITIONS`; "cooling" and "done" also for the
        beginning and the end of the cooldown.
      rate_before: the learning rate of the step before the first.
      rate_after: the learning rate of the last step.
      value_mean: the smoothed loss at the last step.
      value_standard_error: the standard error of that mean.
      progress: how far the smoothed loss had come down.
      annealing_gain: how much of the loss a lower rate would have removed.
      action: what was done: "scaled" (the policy changed its scale), "skipped" (the step was
        left out), "rewound" (back to the snapshot), "relearned" (the data have changed: what is
        usual is learnt anew, at the rate there is) or "cooled" (the cooldown, not the policy).
    """

    first_step: int
    last_step: int
    condition: str
    rate_before: float
    rate_after: float
    value_mean: float
    value_standard_error: float
    progress: float
    annealing_gain: float
    action: str


_HEADER = (
    "steps",
    "condition",
    "action",
    "rate before",
    "rate after",
    "value mean",
    "standard error",
    "progress",
    "annealing gain",
)
_TEXT_COLUMNS = 3


@dataclasses.dataclass(frozen=True, repr=False)
class Events(Sequence[Event]):
    """The newest events of a run, oldest first; ``str`` of it is a table.

    Attributes:
      rows: the events.
      dropped: the number of older events that had to make room.
    """

    rows: tuple[Event, ...]
    dropped: int

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Event, ...]: ...
    def __getitem__(self, index: int | slice) -> Event | tuple[Event, ...]:
        return self.rows[index]

    def __str__(self) -> str:
        if not self.rows:
            return "no events yet"
        lines = aligned([_HEADER, *map(_cells, self.rows)], _TEXT_COLUMNS)
        if self.dropped:
            plural = "event was" if self.dropped == 1 else "events were"
            lines.append(f"{self.dropped} older {plural} overwritten")
        return "\n".join(lines)

    __repr__ = __str__


def events(opt_state: optax.OptState) -> Events:
    """Return what changed the rate so far: when, what was seen, what was done.

    Every change that the policy makes leaves an event: a new scale, a step left out, a
    rewind. Consecutive steps with the same condition and action are one event, so that a ramp
    of a hundred steps is a line. A cooldown leaves an event too; schedules, and rates set by
    hand, leave none. The state keeps the newest 64 events. Under `scale_by_policy`, and for a
    policy of `accumulate`, the rates are the scale alone, as in `report`.

    Finds the state of `aware`, `scale_by_policy`, `as_learning_rate` or `accumulate` anywhere
    in ``opt_state``. Copies it from the device, so ask now and then, not at every step.

    Args:
      opt_state: an optimizer state with exactly one policy in it, outside of jit.

    Returns:
      An `Events`, a sequence of `Event` whose ``str`` is a table.

    Raises:
      TypeError: if ``opt_state`` is traced.
      ValueError: if there is no policy in ``opt_state``, or more than one, or the states of
        several runs.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> policy = oa.policies.reduce_on_plateau(factor=0.5, patience=1)
      >>> tx = oa.aware(optax.identity(), policy, learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> for loss in [2.0, 1.0, float("nan"), 1.0, 1.0, 0.5]:
      ...     updates, opt_state = tx.update(params, opt_state, params, value=loss)
      >>> events = oa.events(opt_state)
      >>> print(len(events), [event.condition for event in events])
      2 ['nonfinite', 'flat']
      >>> print(events[-1].first_step, f"{events[-1].rate_before:.2f} {events[-1].rate_after:.2f}")
      4 0.10 0.05
    """
    log = only_awareness(opt_state).aware_events
    spans = _read(log.aware_event_spans)
    numbers = _read(log.aware_event_numbers)
    total = int(_read(log.aware_event_total, dimensions=0))
    kept = min(total, len(spans))
    rows = reversed(range(kept))
    return Events(tuple(_event(spans[row], numbers[row]) for row in rows), total - kept)


def _read(leaf, dimensions: int = 2) -> np.ndarray:
    array = unwrapped(leaf)
    if isinstance(array, jax.core.Tracer):
        raise TypeError(
            "opt_state must hold numbers, got traced arrays: events are for a person to read. "
            "Call events(opt_state) outside of jit, vmap and scan, or return report(opt_state) "
            "from inside."
        )
    if array.ndim != dimensions:
        raise ValueError(
            f"opt_state must be the state of one run, got states of several in arrays with "
            f"{array.ndim - dimensions} leading axes. Take one of them first: "
            f"events(jax.tree.map(lambda leaf: leaf[0], opt_state))."
        )
    return np.asarray(array)


def _event(span: np.ndarray, numbers: np.ndarray) -> Event:
    first_step, last_step, condition, action = span.tolist()
    rate_before, rate_after, value_mean, standard_error, progress, gain = numbers.tolist()
    return Event(
        first_step=first_step,
        last_step=last_step,
        condition=CONDITIONS[condition],
        rate_before=rate_before,
        rate_after=rate_after,
        value_mean=value_mean,
        value_standard_error=standard_error,
        progress=progress,
        annealing_gain=gain,
        action=EVENT_ACTIONS[action],
    )


def _cells(event: Event) -> tuple[str, ...]:
    single = event.first_step == event.last_step
    steps = f"{event.first_step}" if single else f"{event.first_step}-{event.last_step}"
    rates = (event.rate_before, event.rate_after)
    evidence = (
        event.value_mean,
        event.value_standard_error,
        event.progress,
        event.annealing_gain,
    )
    return (
        steps,
        event.condition,
        event.action,
        *(_digits(rate, 3) for rate in rates),
        *(_digits(number, 4) for number in evidence),
    )


def _digits(number: float, digits: int) -> str:
    return f"{number:.{digits}g}" if math.isfinite(number) else "-"
