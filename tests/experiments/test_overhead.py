"""``python -m experiments overhead``: what is counted, and what is written."""

import csv

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.cli import main
from experiments.overhead import measurement
from experiments.overhead.contenders import BARE, CONTENDERS, PEERS, Contender
from experiments.overhead.models import SUBJECTS

SMALLEST = SUBJECTS["1e4_20"]._replace(steps=3)


def slow_adam():
    """Adam with a second copy of its moments and a long detour."""

    def detour(updates):
        return jax.tree.map(
            lambda leaf: jax.lax.fori_loop(0, 3000, lambda _, x: jnp.sin(x) + leaf, leaf), updates
        )

    return optax.chain(
        optax.adam(1e-3), optax.stateless(lambda updates, _: detour(updates)), optax.ema(0.9)
    )


def test_what_is_slower_and_larger_is_told_as_such():
    slow = Contender("slow", PEERS, "", slow_adam)
    ours, bare = (measurement.prepare(SMALLEST, contender) for contender in (slow, BARE))
    costs = measurement.measure(ours, bare, turns=3)
    assert costs.time_ratios.shape == (3,)
    assert costs.time_ratios.min() > 2.0
    assert costs.params_bytes == 40_000
    assert costs.bare_state_bytes == 2 * 40_000 + 4
    assert costs.state_bytes == costs.bare_state_bytes + 40_000 + 4
    assert costs.temporary_bytes > costs.bare_temporary_bytes
    assert costs.bytes_ratio > 1.0
    assert costs.flops_ratio > 1.0
    assert costs.compile_seconds > 0.0


def test_a_state_whose_form_changes_costs_a_trace_at_every_step():
    def growing():
        def update(updates, state, params=None, **extra):
            del params, extra
            return updates, (*state, jnp.float32(0.0))

        return optax.GradientTransformationExtraArgs(lambda params: (), update)

    subject = SMALLEST._replace(steps=1)
    stages = 4
    grown = measurement.count_traces(Contender("growing", PEERS, "", growing), subject)
    assert grown == stages
    assert measurement.count_traces(BARE, subject) == 1


def test_models_have_the_parameters_they_are_named_for():
    for name in ("1e4_20", "1e4_400", "1e6_20"):
        params = SUBJECTS[name].params()
        parameters, leaves = name.split("_")
        assert len(params) == int(leaves)
        assert sum(leaf.size for leaf in params.values()) == float(parameters)


def test_gradients_are_buffers_of_their_own():
    program = measurement.prepare(SMALLEST, BARE)
    before = program.carry.params
    program.seconds(1)
    assert program.carry.last is before
    chex.assert_trees_all_equal_shapes_and_dtypes(before, program.carry.params)
    value, gradients = SMALLEST.value_and_gradients(program.carry.params, before)
    assert float(value) == pytest.approx(
        0.5 * np.mean(np.square(np.asarray(program.carry.params["leaf0"])[:1000])), rel=1e-5
    )
    assert gradients is before


def test_a_scan_makes_the_updates_that_a_loop_makes():
    alone, scanned = (
        measurement.prepare(subject, BARE)
        for subject in (SMALLEST, SMALLEST._replace(scanned=measurement.WARM_UP))
    )
    chex.assert_trees_all_close(alone.carry, scanned.carry, rtol=1e-5, atol=1e-6)


def test_tables_and_figure_are_written(tmp_path, monkeypatch):
    monkeypatch.setitem(SUBJECTS, SMALLEST.name, SMALLEST)
    chosen = ["reduce_on_plateau", "scale_by_policy"]
    arguments = ["--size", "1e4_20", "--contender", *chosen, "--turns", "1"]
    assert main(["overhead", *arguments, "--out", str(tmp_path / "new")]) == 0
    rows = list(csv.DictReader((tmp_path / "new" / "costs.csv").read_text().splitlines()))
    assert [row["optimizer"] for row in rows] == ["scale_by_policy", "reduce_on_plateau"]
    assert all(float(row["time_ratio"]) > 0 for row in rows)
    tables = (tmp_path / "new" / "tables.md").read_text()
    assert f"`{CONTENDERS['scale_by_policy'].code}` | 1 |" in tables
    assert (tmp_path / "new" / "overhead.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "new" / "metadata.json").exists()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--turns", "0", "--turns must be at least 1, got 0"),
        ("--size", "huge", "unknown size 'huge'"),
        ("--contender", "awares", "did you mean 'aware'?"),
    ],
)
def test_wrong_requests_are_told(tmp_path, capsys, option, value, told):
    assert main(["overhead", option, value, "--out", str(tmp_path / "new")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
