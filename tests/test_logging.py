"""A report in TensorBoard, in Weights & Biases, and in anything else that takes a dict."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa


def reported(steps=3):
    tx = oa.aware(
        optax.identity(), oa.policies.reduce_on_plateau(factor=0.5, patience=0), learning_rate=0.5
    )
    params = jnp.ones(())
    opt_state = tx.init(params)
    for _ in range(steps):
        _, opt_state = tx.update(params, opt_state, params, value=1.0)
        yield oa.report(opt_state)


def test_a_report_is_a_flat_dict_of_known_floats():
    *_, report = reported()
    scalars = report.scalars()
    assert {type(number) for number in scalars.values()} == {float}
    assert all(np.isfinite(number) for number in scalars.values())
    assert scalars["optax_aware/step"] == 3.0
    assert scalars["optax_aware/learning_rate"] == 0.125
    assert scalars["optax_aware/condition"] == oa.Condition.FLAT
    assert "optax_aware/annealing_gain" not in scalars
    assert set(report.scalars(prefix="")) <= set(oa.Report._fields)


def test_a_report_of_several_or_inside_jit_is_refused():
    reports = jax.tree.map(lambda *leaves: jnp.stack(leaves), *reported())
    with pytest.raises(ValueError, match=r"one step of one run, got fields of shapes \[\(3,\)\]"):
        reports.scalars()
    (report,) = reported(1)
    with pytest.raises(TypeError, match="Return the report"):
        jax.jit(lambda report: report.scalars())(report)


def test_the_recipe_for_tensorboard(tmp_path):
    tensorboard = pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        for step, report in enumerate(reported()):
            for name, number in report.scalars().items():
                writer.add_scalar(name, number, step)
    (path,) = tmp_path.iterdir()
    content, seen = path.read_bytes(), {}
    while content:
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        for value in event.summary.value:
            seen[value.tag, event.step] = value.simple_value
    rates = [seen["optax_aware/learning_rate", step] for step in range(3)]
    assert rates == [0.5, 0.25, 0.125]


def test_the_recipe_for_weights_and_biases(tmp_path, monkeypatch):
    """With the real client it runs offline, without an account; it is no dependency of ours."""
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(project="optax-aware", mode="offline", dir=str(tmp_path)) as run:
        for step, report in enumerate(reported()):
            run.log(report.scalars(), step=step)
    (path,) = tmp_path.rglob("*.wandb")
    assert b"optax_aware/learning_rate" in path.read_bytes()
