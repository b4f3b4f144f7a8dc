"""What the tests of pictures share."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax

import optax_aware as oa


def labels(ax):
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def drawn(ax, tmp_path):
    """Draw it for real, and return the pixels: layout and fonts may warn only here."""
    path = tmp_path / "picture.png"
    ax.figure.savefig(path)
    return mpl.image.imread(path)


def range_test_result(**options):
    batches = 0.3 * np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    return oa.search.range_test(quadratic, 3.0 * jnp.ones(2), batches, optax.identity(), **options)


def quadratic(params, batch):
    return jnp.sum((params - batch) ** 2)
