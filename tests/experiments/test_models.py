"""Models: their sizes, and the convolution against XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import models
from experiments.suite import convolutions
from experiments.workloads import WORKLOADS


def parameter_count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_lenet_is_the_published_one():
    model = models.lenet(10)
    params = model.init(0)
    shapes = {name: layer["kernel"].shape for name, layer in params.items()}
    assert shapes == {
        "convolution1": (5, 5, 1, 6),
        "convolution2": (5, 5, 6, 16),
        "dense1": (400, 120),
        "dense2": (120, 84),
        "dense3": (84, 10),
    }
    assert parameter_count(params) == 61_706
    images = jnp.zeros((2, 28, 28, 1))
    assert jax.eval_shape(model.apply, params, images).shape == (2, 10)


def test_lenet_is_computed_layer_by_layer():
    model = models.lenet(10)
    images = np.random.default_rng(2).normal(size=(2, 28, 28, 1)).astype(np.float32)
    params = jax.tree.map(np.asarray, model.init(3))
    layer = images
    for name, padding in (("convolution1", 2), ("convolution2", 0)):
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        layer = np.pad(layer, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(layer, (5, 5), axis=(1, 2))
        layer = np.maximum(np.einsum("byxchw,hwcf->byxf", windows, kernel) + bias, 0)
        corners = [layer[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        layer = np.max(corners, axis=0)
    layer = layer.reshape(2, 5 * 5 * 16)
    for name in ("dense1", "dense2", "dense3"):
        layer = layer @ params[name]["kernel"] + params[name]["bias"]
        layer = layer if name == "dense3" else np.maximum(layer, 0)
    np.testing.assert_allclose(jax.jit(model.apply)(params, images), layer, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "side", "parameters"),
    [("digits", 8, 4_810), ("digits_cnn", 8, 13_706), ("fashion_mnist_mlp", 28, 109_386)],
)
def test_other_models(name, side, parameters):
    model = WORKLOADS[name].model()
    params = model.init(0)
    assert parameter_count(params) == parameters
    logits = jax.eval_shape(model.apply, params, jnp.zeros((3, side, side, 1)))
    assert logits.shape == (3, 10)


def pooled(images, layer, padding):
    return models.convolve_and_pool(images, layer, padding=padding, columns=2)


def pooled_in_wide_blocks(images, layer, padding):
    return models.convolve_and_pool(images, layer, padding=padding, columns=6)


def convolved(images, layer, padding):
    return convolutions.convolve(images, layer, padding=padding)


@pytest.mark.parametrize(
    ("ours", "pools"), [(pooled, True), (pooled_in_wide_blocks, True), (convolved, False)]
)
@pytest.mark.parametrize(
    ("side", "size", "channels", "filters", "padding"),
    [(12, 5, 1, 6, 2), (6, 3, 2, 3, 1), (10, 5, 3, 2, 0), (6, 1, 2, 2, 0)],
)
def test_convolutions_and_their_gradients(ours, pools, side, size, channels, filters, padding):
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.normal(size=(2, side, side, channels)), jnp.float32)
    layer = {
        "kernel": jnp.asarray(generator.normal(size=(size, size, channels, filters)), jnp.float32),
        "bias": jnp.asarray(generator.normal(size=filters), jnp.float32),
    }

    def theirs(images, layer, padding):
        found = jax.lax.conv_general_dilated(
            images,
            layer["kernel"],
            (1, 1),
            [(padding, padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        if pools:
            window = (1, 2, 2, 1)
            found = jax.lax.reduce_window(found, -jnp.inf, jax.lax.max, window, window, "VALID")
        return found + layer["bias"]

    def value_and_gradients(convolve):
        value, pull_back = jax.vjp(lambda *both: convolve(*both, padding), images, layer)
        return value, pull_back(jnp.sin(value))

    found, expected = (jax.jit(value_and_gradients, static_argnums=0)(f) for f in (ours, theirs))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


def test_pooling_takes_the_largest():
    images = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4, 6, 3)), jnp.float32)
    pooled = convolutions.max_pool(images)
    assert pooled.shape == (2, 2, 3, 3)
    assert float(pooled[1, 1, 2, 0]) == float(images[1, 2:4, 4:6, 0].max())


def test_initialisation_follows_the_seed_and_glorot():
    model = models.mlp(64, (300,), 10)
    kernel = model.init(5)["dense0"]["kernel"]
    limit = np.sqrt(6 / (64 + 300))
    assert 0.98 * limit < float(jnp.abs(kernel).max()) <= limit
    np.testing.assert_array_equal(kernel, model.init(5)["dense0"]["kernel"])
    assert not np.array_equal(kernel, model.init(6)["dense0"]["kernel"])
    convolution = models.lenet(10).init(0)["convolution2"]["kernel"]
    limit = np.sqrt(6 / (25 * (6 + 16)))
    assert 0.98 * limit < float(jnp.abs(convolution).max()) <= limit
