"""Contenders: each trains, and the recorded rate is the one it stands for."""

import functools
import inspect
import math

import numpy as np
import pytest

import optax_aware as oa
from experiments import models
from experiments.configuration import Configuration
from experiments.contenders import policies, schedules
from experiments.contenders.catalogue import CONTENDERS, USUAL
from experiments.contenders.plan import Plan
from experiments.contenders.transformation import transformation
from experiments.data.dataset import Dataset
from experiments.runner import Trainer

STEPS = 60
BASE = 0.3
CONFIGURATION = Configuration("digits", USUAL, 2, STEPS, BASE, STEPS, "random")

SCHEDULES = [name for name, contender in CONTENDERS.items() if contender.kind == "schedule"]
POLICIES = [name for name, contender in CONTENDERS.items() if contender.kind == "policy"]


def cosine_from(base, final, time, length):
    return final + (base - final) / 2 * (1 + math.cos(math.pi * min(time / length, 1)))


# Rates of a run of 30 epochs after so many epochs, by hand.
BY_HAND = {
    "fixed": lambda epoch: 0.3,
    "square_root": lambda epoch: 0.1 * (epoch + 1) ** -0.5,
    "factor": lambda epoch: max(0.01, 0.3 * 0.9**epoch),
    "multi_factor": lambda epoch: 0.5 if epoch < 15 else 0.25,
    "cosine": lambda epoch: cosine_from(0.3, 0.01, epoch, 20),
    "warmup_cosine": lambda epoch: (
        0.3 * epoch / 5 if epoch < 5 else cosine_from(0.3, 0.01, epoch - 5, 15)
    ),
    "linear": lambda epoch: 0.3 * (1 - epoch / 30),
    "warmup_cosine_1": lambda epoch: 0.0 if epoch < 1 else cosine_from(0.3, 0.01, epoch - 1, 19),
    "warmup_cosine_2": lambda epoch: (
        0.3 * epoch / 2 if epoch < 2 else cosine_from(0.3, 0.01, epoch - 2, 18)
    ),
    "warmup_cosine_10": lambda epoch: (
        0.3 * epoch / 10 if epoch < 10 else cosine_from(0.3, 0.01, epoch - 10, 10)
    ),
    "polynomial_half": lambda epoch: 0.3 * (1 - epoch / 30) ** 0.5,
    "polynomial_2": lambda epoch: 0.3 * (1 - epoch / 30) ** 2,
    "polynomial_3": lambda epoch: 0.3 * (1 - epoch / 30) ** 3,
    "fixed_hundredth": lambda epoch: 0.003,
    "fixed_tenth": lambda epoch: 0.03,
    "fixed_third": lambda epoch: 0.1,
    "fixed_triple": lambda epoch: 0.9,
}


@functools.cache
def trainer():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 17, (80, 8, 8, 1)).astype(np.uint8)
    labels = (images.reshape(80, -1).mean(axis=1) > 8).astype(np.int32)
    dataset = Dataset(images[:64], labels[:64], images[64:], labels[64:], 16, 2)
    return Trainer(CONFIGURATION, dataset, models.mlp(64, (8,), 2), batch_size=16)


@functools.cache
def trained(name):
    contender = transformation(name, Plan(STEPS, BASE))
    (progress,) = trainer().train(contender, trainer().start(contender))
    return progress.history


@pytest.mark.parametrize("name", USUAL)
def test_trains_with_finite_numbers(name):
    history = trained(name)
    for measured in history:
        assert np.isfinite(measured).all()
    assert (history.learning_rate >= 0).all()
    early, late = history.train_loss[:, :10].mean(), history.train_loss[:, -10:].mean()
    assert late < early
    assert (history.condition >= 0).all()


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name in USUAL])
def test_recorded_rate_is_the_schedule(name):
    schedule = getattr(schedules, name)(Plan(STEPS, BASE))
    expected = np.asarray(schedule(np.arange(STEPS)))
    for seed in range(2):
        np.testing.assert_allclose(trained(name).learning_rate[seed], expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "condition_based"])
def test_recorded_rate_is_what_the_policy_says_to_the_recorded_losses(name):
    history = trained(name)
    policy = getattr(policies, name)(Plan(STEPS, BASE))
    for seed in range(2):
        decisions = oa.policies.replay(policy, history.train_loss[seed])
        np.testing.assert_allclose(
            history.learning_rate[seed], BASE * np.asarray(decisions.scale), rtol=1e-6
        )
        np.testing.assert_array_equal(history.condition[seed], decisions.condition)


def test_the_catalogue_knows_who_finds_its_rate():
    found = {name for name in POLICIES if getattr(policies, name)(Plan(STEPS, BASE)).finds_rate}
    assert found == {name for name, contender in CONTENDERS.items() if contender.finds_rate}


def test_the_policy_that_finds_its_rate_is_not_handed_one():
    found = transformation("condition_based", Plan(STEPS, BASE))
    other = transformation("condition_based", Plan(STEPS, 1000 * BASE))
    (progress,) = trainer().train(found, trainer().start(found))
    (same,) = trainer().train(other, trainer().start(other))
    np.testing.assert_array_equal(progress.history.learning_rate, same.history.learning_rate)
    assert progress.history.learning_rate[0, 0] == 0
    cooled = progress.history.learning_rate[:, -1]
    assert (cooled < 0.1 * progress.history.learning_rate.max(axis=1)).all()


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("steps_per_epoch", [23, 235])
def test_schedules_are_the_published_ones(name, steps_per_epoch):
    schedule = getattr(schedules, name)(Plan(30 * steps_per_epoch, BASE))
    for epoch in (0, 1, 4, 7, 14, 15, 19, 20, 29):
        found = float(schedule(epoch * steps_per_epoch))
        assert found == pytest.approx(BY_HAND[name](epoch), rel=1e-5), epoch


def test_rates_are_in_proportion_to_the_base_rate():
    for name in SCHEDULES:
        steps = np.arange(300)
        once = np.asarray(getattr(schedules, name)(Plan(300, 0.1))(steps))
        tenfold = np.asarray(getattr(schedules, name)(Plan(300, 1.0))(steps))
        np.testing.assert_allclose(tenfold, 10 * once, rtol=1e-5, err_msg=name)


def test_the_control_equals_the_fixed_rate():
    for control, fixed in zip(trained("constant"), trained("fixed"), strict=True):
        np.testing.assert_array_equal(control, fixed)


@pytest.mark.parametrize("total_steps", [1, 2, 7])
@pytest.mark.parametrize("name", CONTENDERS)
def test_the_shortest_runs_are_possible(name, total_steps):
    transformation(name, Plan(total_steps, BASE)).init({"weight": np.zeros(2, np.float32)})


@pytest.mark.parametrize(("kind", "module"), [("schedule", schedules), ("policy", policies)])
def test_the_catalogue_names_every_contender(kind, module):
    defined = {
        name
        for name, made in vars(module).items()
        if (inspect.isfunction(made) and made.__module__ == module.__name__)
        or isinstance(made, functools.partial)
    }
    defined = {name for name in defined if not name.startswith("_")}
    assert defined == {name for name, known in CONTENDERS.items() if known.kind == kind}
