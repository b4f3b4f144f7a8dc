"""What the pictures contain: lines, labels, limits, bands and marks."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

import optax_aware as oa
from optax_aware.plotting._conditions import LOOKS
from tests.plotting.pictures import drawn, labels, range_test_result
from tests.references.scripted import scripted


def history(conditions, rates=None, means=None):
    """A stacked report of one run."""
    count = len(conditions)
    zeros = jnp.zeros(count)
    return oa.Report(*[zeros] * len(oa.Report._fields))._replace(
        step=jnp.arange(1, count + 1),
        learning_rate=jnp.full(count, 0.1) if rates is None else jnp.asarray(rates),
        condition=jnp.asarray([int(condition) for condition in conditions], jnp.int32),
        value_mean=jnp.linspace(2.0, 1.0, count) if means is None else jnp.asarray(means),
    )


def bands(ax):
    """Label to spans (begin, end) of every condition."""
    return {
        collection.get_label(): [
            (path.vertices[:, 0].min(), path.vertices[:, 0].max())
            for path in collection.get_paths()
        ]
        for collection in ax.collections
        if isinstance(collection, PolyCollection)
    }


def test_schedules(tmp_path):
    one = oa.plotting.schedule(oa.schedules.linear(0.4, 0.0, 50), 101)
    assert len(one.lines) == 1
    assert labels(one) == []
    np.testing.assert_allclose(one.lines[0].get_xdata(), np.arange(101))
    np.testing.assert_allclose(
        one.lines[0].get_ydata(), np.maximum(0.4 - 0.008 * np.arange(101), 0.0), atol=1e-6
    )
    assert one.get_xlim() == (0.0, 100.0)
    assert (one.get_xlabel(), one.get_ylabel()) == ("step (updates)", "learning rate")
    assert one.get_title(loc="left")
    assert drawn(one, tmp_path).shape[:2] == (400, 600)
    names = {f"rate {number}": oa.schedules.constant(0.1 * number) for number in range(9)}
    many = oa.plotting.schedule({**names, "optax": optax.cosine_decay_schedule(1.0, 10)}, log=True)
    assert sorted(labels(many)) == sorted([*names, "optax"])
    assert many.get_yscale() == "log"
    assert np.isnan(many.lines[0].get_ydata()).all()  # a rate of 0 has no logarithm
    styles = {(line.get_color(), str(line.get_linestyle())) for line in many.lines}
    assert len(styles) == 10
    drawn(many, tmp_path)


def test_a_run(tmp_path):
    policy = scripted(
        [1.0, 1.0, 0.5, 0.5, 1.0, 1.0],
        skip=[3],
        conditions=[1, 3, 4, 10, 3, 3],
    )
    tx = oa.aware(optax.identity(), policy, learning_rate=0.1)
    params = jnp.ones(())
    opt_state, reports = tx.init(params), []
    losses = [3.0, 2.0, 1.5, jnp.nan, 1.2, 1.1]
    update = jax.jit(tx.update)
    for loss in losses:
        _, opt_state = update(params, opt_state, params, value=loss)
        reports.append(oa.report(opt_state))
    ax = oa.plotting.run(reports, values=losses, events=oa.events(opt_state))
    loss_axes, rate_axes = ax.figure.axes
    assert loss_axes is ax
    assert [line.get_label() for line in ax.lines] == ["loss", "smoothed loss"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(6))
    assert rate_axes.get_yscale() == "log"
    np.testing.assert_allclose(rate_axes.lines[0].get_ydata()[[0, 2, 4]], [0.1, 0.05, 0.1])
    assert [line.get_label() for line in rate_axes.lines] == [
        "learning rate",
        "raised",
        "lowered",
        "skipped",
    ]
    np.testing.assert_allclose(rate_axes.lines[2].get_xdata(), [2])
    np.testing.assert_allclose(rate_axes.lines[2].get_ydata(), [0.05])
    assert len({line.get_marker() for line in rate_axes.lines[1:]}) == 3
    assert bands(ax) == {
        "listening": [(0.0, 1.0)],
        "descending": [(1.0, 2.0), (4.0, 6.0)],
        "noise limited": [(2.0, 3.0)],
        "nonfinite": [(3.0, 4.0)],
    }
    assert labels(ax)[-4:] == ["listening", "descending", "noise limited", "nonfinite"]
    assert ax.get_ylabel() == "loss"
    assert rate_axes.get_ylabel() == "learning rate"
    drawn(ax, tmp_path)


def test_a_first_rate_is_raised_and_new_levels_are_no_change_of_the_rate():
    policy = scripted([0.5] * 3, conditions=[3, oa.Condition.DRIFTED, 3])
    tx = oa.aware(optax.identity(), policy, learning_rate=0.1)
    params = jnp.ones(())
    opt_state, reports = tx.init(params), []
    for loss in [1.0, 9.0, 9.0]:
        _, opt_state = tx.update(params, opt_state, params, value=loss)
        reports.append(oa.report(opt_state))
    rate_axes = oa.plotting.run(reports, events=oa.events(opt_state)).figure.axes[1]
    marked = {line.get_label(): list(line.get_xdata()) for line in rate_axes.lines[1:]}
    assert marked == {"raised": [0], "relearned": [1]}


def test_stacked_and_listed_reports_and_those_of_now_and_then():
    stacked = history([1, 1, 3, 3, 3, 5, 3])
    listed = [jax.tree.map(lambda leaf, at=at: leaf[at], stacked) for at in range(7)]
    one, other = oa.plotting.run(stacked), oa.plotting.run(listed)
    assert bands(one) == bands(other)
    np.testing.assert_array_equal(one.lines[0].get_xydata(), other.lines[0].get_xydata())
    sparse = oa.plotting.run(listed[::3])
    assert bands(sparse) == {"listening": [(0.0, 3.0)], "descending": [(3.0, 7.0)]}


def test_every_condition_looks_different_in_colour_or_hatch():
    assert set(LOOKS) == set(oa.Condition)
    assert len(set(LOOKS.values())) == len(oa.Condition)
    ax = oa.plotting.run(history(list(oa.Condition)))
    assert len(bands(ax)) == len(oa.Condition)
    assert labels(ax)[2:] == [name.replace("_", " ") for name in oa.CONDITIONS]


@pytest.mark.parametrize("steps", [0, 1])
def test_empty_and_one_step_histories(steps, tmp_path):
    none = history([3] * steps)
    pictures = [
        oa.plotting.run(none),
        oa.plotting.run(none, values=np.ones(steps), events=()),
        oa.plotting.compare({"run": np.ones(steps), "reports": none}),
        oa.plotting.compare({"runs": np.ones((3, steps))}),
    ]
    if steps == 0:
        pictures += [oa.plotting.run([]), oa.plotting.compare({}), oa.plotting.schedule({})]
        assert all("nothing to show" in ax.texts[0].get_text() for ax in pictures)
    else:
        pictures.append(oa.plotting.schedule(oa.schedules.constant(0.1), 1))
        for ax in pictures:
            assert all(line.get_marker() == "o" for line in ax.lines)
            assert ax.get_xlim() == (-0.5, 1.0)
    for ax in pictures:
        drawn(ax, tmp_path)


def test_a_spike_and_rates_of_zero_do_not_hide_the_rest(tmp_path):
    losses = np.linspace(2.0, 1.0, 1000)
    losses[500:503] = [1e6, np.nan, np.inf]
    reports = history([3] * 1000, rates=np.where(np.arange(1000) < 900, 0.01, 0.0))
    ax = oa.plotting.run(reports, values=losses)
    assert ax.get_ylim()[1] < 3.0
    assert np.isnan(ax.figure.axes[1].lines[0].get_ydata()[900:]).all()
    drawn(ax, tmp_path)
    unknown = oa.plotting.run(history([3] * 5, rates=np.zeros(5), means=np.full(5, np.inf)))
    assert len(unknown.lines) == 0
    drawn(unknown, tmp_path)


def test_comparisons(tmp_path):
    steps = np.arange(500)
    noisy = 1.0 + np.random.default_rng(0).normal(0.0, 0.1, (3, 500))
    ax = oa.plotting.compare(
        {
            "high": np.full(500, 3.0),
            "low": 0.5 + 1.0 / (1.0 + steps),
            "runs": noisy,
            "lost": [np.nan],
        }
    )
    assert [line.get_label().split("  ")[0] for line in ax.lines] == ["high", "low", "runs", "lost"]
    assert [label.split("  ")[0] for label in labels(ax)] == ["low", "runs", "high", "lost"]
    assert labels(ax)[2] == "high  3"
    assert len(ax.lines[0].get_xdata()) == 50
    assert ax.lines[0].get_xdata()[-1] == 499
    assert len(ax.collections) == 1  # the band of the three runs
    assert ax.get_yscale() == "linear"
    wide = oa.plotting.compare({"wide": np.geomspace(1.0, 1e-4, 100)})
    assert wide.get_yscale() == "log"
    drawn(ax, tmp_path)
    drawn(wide, tmp_path)


def test_they_draw_into_the_axes_that_are_handed_in(tmp_path):
    figure = Figure(figsize=(12, 8), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    reports = history([1, 3, 4])
    assert oa.plotting.schedule(oa.schedules.constant(0.1), ax=panels[0]) is panels[0]
    assert oa.plotting.run(reports, ax=panels[1]) is panels[1]
    assert oa.plotting.compare({"one": reports}, ax=panels[2]) is panels[2]
    assert oa.plotting.range_test(range_test_result(), ax=panels[3]) is panels[3]
    assert all(ax.figure is figure for ax in panels)
    drawn(panels[0], tmp_path)


def test_colours_are_those_of_okabe_and_ito():
    published = [
        "#000000",
        "#E69F00",
        "#56B4E9",
        "#009E73",
        "#F0E442",
        "#0072B2",
        "#D55E00",
        "#CC79A7",
    ]
    allowed = {to_rgba(colour) for colour in (*published, "#8C8C8C")}
    assert {to_rgba(look.colour) for look in LOOKS.values()} <= allowed
    many = {str(number): oa.schedules.constant(number) for number in range(1, 8)}
    assert {to_rgba(line.get_color()) for line in oa.plotting.schedule(many).lines} <= allowed


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda p: p.schedule(0.1), "schedules must be a schedule"),
        (lambda p: p.schedule({"a": 0.1}), r"schedules\['a'\] must be"),
        (lambda p: p.schedule(oa.schedules.constant(1.0), 0), "num_steps must be"),
        (lambda p: p.schedule(oa.schedules.constant(1.0), log=1), "log must be True or False"),
        (lambda p: p.schedule(oa.schedules.constant(1.0), ax=Figure()), "ax must be a matplotlib"),
        (lambda p: p.run([1.0, 2.0]), "reports must be a list"),
        (
            lambda p: p.run(history([3, 3]), values=[1.0]),
            r"of the 2 reports, got shape \(1,\)",
        ),
        (lambda p: p.run(jax.tree.map(lambda x: x[None], history([3]))), "those of one run"),
        (lambda p: p.compare([1.0]), "results must be a mapping"),
        (lambda p: p.compare({"a": 1.0}), r"results\['a'\] must have shape"),
        (lambda p: p.run(""), "reports must be a list"),
        (lambda p: p.run(history([3]), events=[1]), "events must be what events"),
        (lambda p: p.run(history([3, 3]), values=[[1.0], [2.0, 3.0]]), "values must be numbers"),
        (lambda p: p.compare({"a": [[1.0], [1.0, 2.0]]}), r"results\['a'\] must be numbers"),
        (lambda p: p.compare({"a": np.zeros((0, 5))}), "with a run at least"),
        (lambda p: p.range_test(0.1), "result must be what search.range_test"),
        (lambda p: p.coarse_to_fine(None), "result must be what search.coarse_to_fine"),
    ],
)
def test_what_is_wrong_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(oa.plotting)


def test_a_resumed_run_is_drawn_from_where_it_begins():
    began = history([3, 3, 4])
    resumed = began._replace(step=began.step + 500)
    assert oa.plotting.run(resumed).get_xlim() == (500.0, 503.0)
    alone = oa.plotting.run(jax.tree.map(lambda leaf: leaf[:1], resumed))
    low, high = alone.get_xlim()
    assert low < 500.0 < high


@pytest.mark.parametrize("count", [50, 51, 149, 1000])
def test_every_loss_of_a_comparison_counts(count):
    losses = np.arange(1.0, count + 1)
    (line,) = oa.plotting.compare({"a": losses}).lines
    assert len(line.get_xdata()) == 50
    assert line.get_xdata()[-1] == count - 1
    windows = np.array_split(np.arange(count), 50) if count % 50 == 0 else None
    if windows is not None:
        np.testing.assert_allclose(line.get_ydata(), [losses[part].mean() for part in windows])
    assert line.get_ydata()[0] < 1.0 + count / 50


def test_schedules_that_ask_what_their_step_is():
    (line,) = oa.plotting.schedule(lambda step: 0.1 if step < 3 else 0.01, 6).lines
    np.testing.assert_allclose(line.get_ydata(), [0.1] * 3 + [0.01] * 3)


def test_no_display_no_pyplot_and_no_matplotlib():
    """A picture on a machine without a display leaves pyplot alone; all else needs neither."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import io, optax_aware as oa\n"
        "assert oa.schedules.constant(0.5)(0) == 0.5\n"
        "assert oa.search.log_uniform(0.1, 1.0, 3, key=0).shape == (3,)\n"
        "try:\n"
        "    oa.plotting\n"
        "except ImportError as error:\n"
        "    assert \"pip install 'optax-aware[plot]'\" in str(error), error\n"
        "else:\n"
        "    raise AssertionError('matplotlib was found')\n"
        "del sys.modules['matplotlib']\n"
        "oa.plotting.schedule(oa.schedules.constant(0.1), 5).figure.savefig(io.BytesIO())\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
