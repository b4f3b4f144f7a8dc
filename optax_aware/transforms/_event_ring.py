"""A ring of the newest events of a run, of fixed size, in two small arrays."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

EVENT_CAPACITY = 64
"""Runs with 1 % of broken batches keep the last thousands of steps, and the ring stays at 2.5 KiB,
less than a third of the 8 KiB that all of our state may take."""

EVENT_ACTIONS = ("scaled", "skipped", "rewound", "cooled")
"""What was done, by its number in the ring."""

SCALED, SKIPPED, REWOUND, COOLED = range(len(EVENT_ACTIONS))


class EventsState(NamedTuple):
    """The newest events, each a row; the oldest row is overwritten when the ring is full.

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
    """Return an empty ring."""
    return EventsState(
        aware_event_spans=jnp.zeros((EVENT_CAPACITY, 4), jnp.int32),
        aware_event_numbers=jnp.full((EVENT_CAPACITY, 6), jnp.inf, jnp.float32),
        aware_event_total=jnp.zeros((), jnp.int32),
        aware_event_cooldown_phase=jnp.zeros((), jnp.int32),
    )


def add_to_ring(
    events: EventsState, span: Span, may_begin: jax.Array, may_extend: jax.Array
) -> EventsState:
    """Extend the newest event by a step that goes on with it, or else begin a new one.

    A step goes on with the newest event when it has the same condition and action and
    follows on its last step. What neither may be is left as it is: its row is written back.
    """
    total = events.aware_event_total
    newest = (total - 1) % EVENT_CAPACITY
    old_span = jax.lax.dynamic_index_in_dim(events.aware_event_spans, newest, keepdims=False)
    old_numbers = jax.lax.dynamic_index_in_dim(events.aware_event_numbers, newest, keepdims=False)
    first, last, condition, action = old_span
    goes_on = (
        (total > 0)
        & (span.step - last == 1)
        & (span.condition == condition)
        & (span.action == action)
    )
    extends = may_extend & goes_on
    begins = may_begin & ~extends
    total = jnp.where(begins, jnp.asarray(optax.safe_increment(total), jnp.int32), total)
    place = (total - 1) % EVENT_CAPACITY

    new_span = jnp.stack([jnp.where(extends, first, span.step), *span[:3]])
    rate_before = jnp.where(extends, old_numbers[0], span.numbers[0])
    new_numbers = span.numbers.at[0].set(rate_before)
    writes = extends | begins
    return events._replace(
        aware_event_spans=jax.lax.dynamic_update_index_in_dim(
            events.aware_event_spans, jnp.where(writes, new_span, old_span), place, 0
        ),
        aware_event_numbers=jax.lax.dynamic_update_index_in_dim(
            events.aware_event_numbers, jnp.where(writes, new_numbers, old_numbers), place, 0
        ),
        aware_event_total=total,
    )
