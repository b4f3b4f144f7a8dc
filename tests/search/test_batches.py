"""How batches are read: what begins again, what ends, and what does not fit together."""

import jax.numpy as jnp
import numpy as np
import pytest

from optax_aware.search._batches import BatchSource

BATCHES = [np.full((4, 2), number, np.float32) for number in range(5)]


def numbers(source, first, count, size=None):
    stacked, offset = source.take(first, count, size or count)
    assert offset == 0
    return np.asarray(stacked)[:, 0, 0].tolist()


class Stream:
    """A loader that knows no length, as one over a stream does not."""

    def __init__(self):
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        return iter(BATCHES)

    def __len__(self):
        raise TypeError("a stream has no length")


class SelfRestarting:
    """An iterator whose ``iter`` goes back to the beginning."""

    def __iter__(self):
        self.place = -1
        return self

    def __next__(self):
        self.place += 1
        if self.place == len(BATCHES):
            raise StopIteration
        return BATCHES[self.place]


@pytest.mark.parametrize("make", [lambda: list(BATCHES), Stream, SelfRestarting])
def test_what_can_begin_again_is_read_round_and_round(make):
    source = BatchSource(make(), 12)
    assert numbers(source, 0, 4) == [0, 1, 2, 3]
    assert numbers(source, 4, 4) == [4, 0, 1, 2]
    assert numbers(source, 8, 3, 4) == [3, 4, 0, 0]


def test_each_pass_begins_once_and_only_when_it_is_needed():
    loader = Stream()
    source = BatchSource(loader, 10)
    assert loader.passes == 0
    numbers(source, 0, 5)
    assert loader.passes == 1
    numbers(source, 5, 5)
    assert loader.passes == 2


def test_an_iterator_that_ends_says_how_many_it_had_and_how_many_are_needed():
    source = BatchSource(iter(BATCHES), 8)
    numbers(source, 0, 4)
    # A second round counts its own steps.
    with pytest.raises(ValueError, match=r"every step, 8 in all, got .* with 5 of them"):
        source.take(0, 4, 4)
    with pytest.raises(ValueError, match="with 0 of them"):
        BatchSource([], 4).take(0, 4, 4)


@pytest.mark.parametrize(
    ("odd", "shapes"),
    [
        (np.zeros((3, 2), np.float32), r"\[\(4, 2\)\] and, after 5 of them, \[\(3, 2\)\]"),
        ((BATCHES[0], BATCHES[0]), r"after 5 of them, \[\(4, 2\), \(4, 2\)\]"),
    ],
)
@pytest.mark.parametrize("portion", [1, 3, 6])
def test_a_smaller_last_batch_is_named_with_what_to_do(odd, shapes, portion):
    source = BatchSource([*BATCHES, odd], 6)
    for first in range(0, 6 - portion, portion):
        source.take(first, portion, portion)
    with pytest.raises(ValueError, match=shapes + r"\. Drop a smaller last batch"):
        source.take(6 - portion, portion, portion)


def test_text_is_no_batches():
    with pytest.raises(ValueError, match="batches must be arrays with the same first axis"):
        BatchSource("batches", 5)


def test_arrays_stay_in_memory_and_are_indexed_by_the_step():
    source = BatchSource({"x": jnp.arange(6.0)}, 9)
    stacked, offset = source.take(4, 3, 3)
    assert source.in_memory
    assert (offset, stacked["x"].shape) == (4, (6,))
