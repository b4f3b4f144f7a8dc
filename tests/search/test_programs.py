"""What stays of a search after its call, and what is compiled again."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware.search._candidates import TRAINING
from optax_aware.search._rising_run import RISING
from tests.search.bowl import batches, loss_fn, start

IDENTITY = optax.identity()


def ranged(loss, inner=IDENTITY, data=None, params=None):
    data = batches(20) if data is None else data
    params = start() if params is None else params
    return oa.search.range_test(loss, params, data, inner, num_steps=20)


def coarse(loss, inner=IDENTITY, data=None, params=None, **options):
    data = batches(20) if data is None else data
    params = start() if params is None else params
    return oa.search.coarse_to_fine(
        loss, params, data, inner, num_rates=3, num_steps=8, max_rate=0.1, **options
    )


SEARCHES = pytest.mark.parametrize(
    ("search", "programs"), [(ranged, RISING), (coarse, TRAINING)], ids=["range_test", "coarse"]
)


def counting():
    traces = []

    def loss(params, batch):
        traces.append(1)
        return loss_fn(params, batch)

    return loss, traces


@SEARCHES
def test_a_loss_and_what_it_holds_are_let_go_with_it(search, programs):
    class DataSet:
        pass

    held = DataSet()
    reference = weakref.ref(held)

    def loss(params, batch, held=held):
        return loss_fn(params, batch)

    search(loss)
    assert len(programs._kept) >= 1
    del loss, held
    gc.collect()
    assert reference() is None


@SEARCHES
def test_the_same_objects_compile_once_and_only_the_last_program_is_kept(search, programs):
    loss, traces = counting()
    search(loss)
    once = len(traces)
    search(loss)
    assert len(traces) == once
    gc.collect()
    before = len(programs._kept)
    kept = weakref.ref(programs._kept[loss][2])
    for _ in range(2):
        search(loss, optax.trace(0.9))
    gc.collect()
    assert len(programs._kept) == before
    assert kept() is None


@SEARCHES
def test_a_loss_may_be_any_callable(search, programs):
    class Unhashable:
        __hash__ = None

        def __call__(self, params, batch):
            return loss_fn(params, batch)

    class Slotted:
        __slots__ = ()

        def __call__(self, params, batch):
            return loss_fn(params, batch)

    class Model:
        def loss(self, params, batch):
            return loss_fn(params, batch)

    expected = str(search(loss_fn))
    for loss in (Unhashable(), Slotted(), Model().loss, jax.jit(loss_fn)):
        assert str(search(loss)) == expected


@SEARCHES
def test_python_numbers_as_parameters_and_an_iterator_compile_once(search, programs):
    traces = []

    def loss(params, batch):
        traces.append(1)
        return (params - batch[0]) ** 2

    data = list(batches(40))
    search(loss, optax.trace(0.9), data, jnp.zeros(()))
    expected = len(traces)
    traces.clear()
    search(lambda *given: loss(*given), optax.trace(0.9), data, 0.0)
    assert len(traces) == expected


def test_a_held_out_loss_is_compiled_once_for_all_rounds():
    traces = []

    def held_out(params):
        traces.append(1)
        return loss_fn(params, np.zeros(2, np.float32))

    coarse(loss_fn, num_rounds=3, eval_fn=held_out)
    assert len(traces) == 2  # one to learn its shape
