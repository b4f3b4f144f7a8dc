"""The newest events of a run, a fixed number of them, in two small arrays."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware._numbers import counted

EVENT_CAPACITY = 64
"""Enough for the last thousands of steps of a run in which 1 % of the batches are broken, each of
them an event, and small enough, at 2.5 KiB, to be written anew at every step."""

EVENT_ACTIONS = ("scaled", "skipped", "rewound", "cooled", "relearned")
"""What was done, by its number in the state."""

SCALED, SKIPPED, REWOUND, COOLED, RELEARNED = range(len(EVENT_ACTIONS))


class EventsState(NamedTuple):
    """The newest events, each a row, the newest first; the oldest falls out when all are taken.

    Attributes:
      aware_event_spans: first step, last step, condition and action of each event, int32 of
        shape (64, 4).
      aware_event_numbers: rate before, rate after, and the four numbers of `Evidence`, float32
        of shape (64, 6); infinite where unknown.
      aware_event_total: the number of events so far, the overwritten ones included, int32.
      aware_event_cooldown_phase: the part of the cooldown that has left its event: 0 none, 1
        its beginning, 2 its end, int32.
    """

    aware_event_spans: jax.Array
    aware_event_numbers: jax.Array
    aware_event_total: jax.Array
    aware_event_cooldown_phase: jax.Array


class Span(NamedTuple):
    """What one step has to say, in int32 scalars and a float32 vector.

    Attributes:
      step: the number of updates before this one.
      condition: one of `Condition`.
      action: an index of `EVENT_ACTIONS`.
      numbers: a row of `EventsState.aware_event_numbers`.
    """

    step: jax.Array
    condition: jax.Array
    action: jax.Array
    numbers: jax.Array


def no_events() -> EventsState:
    """Return the state before the first event."""
    return EventsState(
        aware_event_spans=jnp.zeros((EVENT_CAPACITY, 4), jnp.int32),
        aware_event_numbers=jnp.full((EVENT_CAPACITY, 6), jnp.inf, jnp.float32),
        aware_event_total=jnp.zeros((), jnp.int32),
        aware_event_cooldown_phase=jnp.zeros((), jnp.int32),
    )


def add_event(
    events: EventsState, span: Span, may_begin: jax.Array, may_extend: jax.Array
) -> EventsState:
    """Extend the newest event by a step that goes on with it, or else begin a new one.

    A step goes on with the newest event when it has the same condition and action and
    follows on its last step.
    """
    spans, numbers = events.aware_event_spans, events.aware_event_numbers
    total = events.aware_event_total
    goes_on = (
        (total > 0)
        & (span.step - spans[0, 1] == 1)
        & (span.condition == spans[0, 2])
        & (span.action == spans[0, 3])
    )
    extends = may_extend & goes_on
    begins = may_begin & ~extends
    new_span = jnp.stack([span.step, span.step, span.condition, span.action])
    return events._replace(
        aware_event_spans=_written(spans, new_span, begins, extends),
        aware_event_numbers=_written(numbers, span.numbers, begins, extends),
        aware_event_total=counted(total, begins),
    )


def _written(rows: jax.Array, new: jax.Array, begins: jax.Array, extends: jax.Array) -> jax.Array:
    """Return the rows with ``new`` put before them, or taken into the first, or neither.

    All rows move up when one begins. They are so few that this is cheaper, to compile above
    all, than to look for the place of the next.
    """
    is_start = jnp.arange(rows.shape[1]) == 0
    extended = jnp.where(extends & ~is_start, new, rows[0])
    begun = jnp.concatenate([new[None], rows[:-1]])
    return jnp.where(begins, begun, jnp.concatenate([extended[None], rows[1:]]))
