"""``python -m experiments overhead``: what is counted, and what is written."""

import csv
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from experiments.cli import main
from experiments.overhead import experiment, measurement, tables
from experiments.overhead.contenders import BARE, CONTENDERS, PEERS, Contender
from experiments.overhead.models import SUBJECTS, in_a_scan

SMALLEST = SUBJECTS["1e4_20"]._replace(steps=3, warm_up=3)
SCANNED = in_a_scan(SMALLEST, updates=3, programs=1)


def slow_adam():
    """Adam with a second copy of its moments and a long detour."""

    def detour(updates):
        return jax.tree.map(
            lambda leaf: jax.lax.fori_loop(0, 3000, lambda _, x: jnp.sin(x) + leaf, leaf), updates
        )

    return optax.chain(
        optax.adam(1e-3), optax.stateless(lambda updates, _: detour(updates)), optax.ema(0.9)
    )


def addresses(tree):
    return {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(tree)}


def snapshot_of(program):
    return np.asarray(program.carry.opt_state.aware_snapshot.snapshot_params["leaf"]).tobytes()


def costs(**known):
    return measurement.Costs(**(dict.fromkeys(measurement.Costs._fields, 1.0) | known))


def test_what_is_slower_and_larger_is_told_as_such():
    slow = Contender("slow", PEERS, "", slow_adam)
    ours, bare = (measurement.prepare(SMALLEST, contender) for contender in (slow, BARE))
    costs = measurement.measure(ours, bare, turns=3)
    assert costs.milliseconds.shape == costs.bare_milliseconds.shape == (3,)
    assert tables.spread_of(costs)[1] > 2.0
    assert costs.params_bytes == 40_000
    assert costs.bare_state_bytes == 2 * 40_000 + 4
    assert costs.state_bytes == costs.bare_state_bytes + 40_000 + 4
    assert costs.temporary_bytes > costs.bare_temporary_bytes
    assert costs.bytes_ratio > 1.0
    assert costs.flops_ratio > 1.0
    assert costs.compile_seconds > 0.0
    assert costs.trace_seconds > 0.0


def test_a_state_whose_form_changes_costs_a_trace_at_every_step():
    def growing():
        def update(updates, state, params=None, **extra):
            del params, extra
            return updates, (*state, jnp.float32(0.0))

        return optax.GradientTransformationExtraArgs(lambda params: (), update)

    subject = SMALLEST._replace(warm_up=1)
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


def test_gradients_are_arrays_of_their_own():
    program = measurement.prepare(SMALLEST, BARE)
    # Gradients, two moments and parameters: what a program does not look at is no part of it.
    entry = program.update.as_text().split("ENTRY")[1]
    assert len(re.findall(r"= f32\[500\]\S* parameter\(", entry)) == 4 * 20
    given, params = addresses(program.carry.given), addresses(program.carry.params)
    assert len(given | params) == 2 * 20
    program.seconds(1)
    assert addresses(program.carry.given) == params
    assert addresses(program.carry.params) == given


def test_all_make_the_same_updates_before_the_first_turn():
    for subject in (SMALLEST, SCANNED):
        program = measurement.prepare(subject, BARE)
        assert int(program.carry.opt_state[0].count) == subject.warm_up
        program.seconds(2 * subject.warm_up)
        assert int(program.carry.opt_state[0].count) == 3 * subject.warm_up


def test_the_rate_has_been_climbed_to_before_the_first_turn():
    shortest = min(subject.warm_up for subject in SUBJECTS.values())
    leaf = SMALLEST._replace(
        warm_up=shortest, params=lambda: {"leaf": next(iter(SMALLEST.params().values()))}
    )
    program = measurement.prepare(leaf, CONTENDERS["aware_rewind"])
    climbing = (oa.Condition.LISTENING, oa.Condition.RAMPING)
    assert int(oa.report(program.carry.opt_state).condition) not in climbing
    snapshot = snapshot_of(program)
    program.seconds(3)
    assert snapshot_of(program) == snapshot


def test_a_scan_makes_the_updates_that_a_loop_makes():
    scanned = measurement.prepare(SCANNED, BARE)
    optimizer, params = BARE.make(), SCANNED.params()
    opt_state = optimizer.init(params)
    for update in range(SCANNED.warm_up):
        noise = jax.tree.map(lambda leaf, update=update: leaf[update], scanned.carry.given)
        gradients = jax.tree.map(jnp.add, params, noise)
        updates, opt_state = optimizer.update(gradients, opt_state)
        params = optax.apply_updates(params, updates)
    chex.assert_trees_all_close(scanned.carry.params, params, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(scanned.carry.opt_state, opt_state, rtol=1e-5, atol=1e-6)


def test_a_scan_copies_no_parameters():
    program = measurement.prepare(SCANNED, BARE)
    assert not re.search(r"= f32\[500\]\S* copy\(", program.update.as_text())
    assert program.temporary_bytes < 0.1 * 40_000


def test_updates_that_are_held_are_counted():
    lost = SMALLEST._replace(value_and_gradients=lambda params, last: (jnp.float32(jnp.nan), last))
    bare = measurement.prepare(lost, BARE)
    ours = measurement.prepare(lost, CONTENDERS["scale_by_policy"])
    assert measurement.measure(ours, bare, turns=2).held == 2 * lost.steps
    assert np.isnan(measurement.measure(bare, bare, turns=1).held)


def test_ratio_and_milliseconds_are_of_the_same_medians():
    found = {
        "1e4_20": {
            "aware": costs(
                milliseconds=np.array([3.0, 40.0, 4.0]),
                bare_milliseconds=np.array([1.0, 10.0, 2.0]),
                held=2.0,
                bytes_ratio=np.nan,
            )
        }
    }
    row = next(csv.DictReader(tables.costs_csv(found).splitlines()))
    assert (row["time_ratio"], row["time_ratio_least"], row["time_ratio_greatest"]) == (
        "2",
        "2",
        "4",
    )
    assert (row["milliseconds"], row["bare_milliseconds"], row["held"]) == ("4", "2", "2")
    text = tables.tables_md(found, {})
    assert "| `aware` | 2.00 (2.00 to 4.00) | 4 (Adam 2) | 2 |" in text
    assert "| – | 1.00 |" in text
    assert "Timed are updates 101 to 4,600, in 3 turns." in text


def test_tables_and_figure_are_written(tmp_path, monkeypatch):
    monkeypatch.setitem(SUBJECTS, SMALLEST.name, SMALLEST)
    chosen = ["reduce_on_plateau", "scale_by_policy"]
    arguments = ["--size", "1e4_20", "--contender", *chosen, "--turns", "1"]
    assert main(["overhead", *arguments, "--out", str(tmp_path / "new")]) == 0
    rows = list(csv.DictReader((tmp_path / "new" / "costs.csv").read_text().splitlines()))
    assert [row["optimizer"] for row in rows] == ["scale_by_policy", "reduce_on_plateau"]
    for row in rows:
        ratio = float(row["milliseconds"]) / float(row["bare_milliseconds"])
        assert float(row["time_ratio"]) == pytest.approx(ratio, rel=1e-3)
    assert [row["held"] for row in rows] == ["0", "nan"]
    tables = (tmp_path / "new" / "tables.md").read_text()
    assert f"`{CONTENDERS['scale_by_policy'].code}` | 1 |" in tables
    assert (tmp_path / "new" / "overhead.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "new" / "metadata.json").exists()


def test_what_is_known_is_not_measured_again(tmp_path, monkeypatch):
    monkeypatch.setitem(SUBJECTS, SMALLEST.name, SMALLEST)
    out = tmp_path / "new"

    def run(*contenders, turns=1):
        chosen = ["--size", "1e4_20", "--contender", *contenders, "--turns", str(turns)]
        status = main(["overhead", *chosen, "--out", str(out)])
        return status, (out / "costs.csv").read_text()

    assert run("scale_by_policy")[0] == 0
    known = run("scale_by_policy", "reduce_on_plateau")
    prepared = []
    prepare = measurement.prepare
    monkeypatch.setattr(
        experiment, "prepare", lambda *what: prepared.append(what) or prepare(*what)
    )
    assert run("scale_by_policy", "reduce_on_plateau") == known
    assert prepared == []
    # ... but under other circumstances, or where a file was damaged, it is.
    (out / "cells" / "1e4_20" / "scale_by_policy.json").write_text("{")
    assert run("scale_by_policy", "reduce_on_plateau")[1] != known[1]
    assert [contender.name for _, contender in prepared] == ["adam", "scale_by_policy"]
    run("reduce_on_plateau", turns=2)
    assert len(prepared) == 4


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
