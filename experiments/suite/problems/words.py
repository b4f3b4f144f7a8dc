"""The next word of English, from the embeddings of the words before it."""

import re
from collections import Counter

import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.losses import cross_entropy
from experiments.suite.noise import choices
from experiments.suite.problem import Problem

VOCABULARY = 150
HELD_OUT_PASSAGES = 1000
HELD_OUT_SHARE = 0.1


def words(width: int, *, before: int, batch_size: int) -> Problem:
    """A log-bilinear model of the help texts of Python, cross-entropy in nats.

    What comes next is likely as far as its embedding is along a linear function of the
    embeddings of the words before. Altered words are those next in rank.

    Reference: Mnih and Hinton, Three New Graphical Models for Statistical Language Modelling,
    2007, doi:10.1145/1273496.1273577, with embeddings of their own for what comes next.

    Args:
      width: of the embeddings.
      before: how many words are seen.
      batch_size: places a step.
    """
    train, held_out_text = _text()
    starts = np.linspace(0, len(held_out_text) - before - 1, HELD_OUT_PASSAGES).astype(int)
    passages = held_out_text[starts[:, None] + np.arange(before + 1)]
    arrays = {"text": jnp.asarray(train), "held_out": jnp.asarray(passages)}

    def init(generator):
        return {
            "seen": networks.normal(generator, (VOCABULARY, width), 0.3),
            "mixing": networks.normal(
                generator, (before, width, width), float(np.sqrt(1.0 / (before * width)))
            ),
            "next": networks.normal(generator, (width, VOCABULARY), 0.3),
            "bias": np.zeros(VOCABULARY, np.float32),
        }

    def draw(generator, steps):
        return choices(generator, steps, batch_size, len(train) - before)

    def split(passages, altered):
        following = passages[:, before]
        return passages[:, :before], jnp.where(altered, (following + 1) % VOCABULARY, following)

    def batch(arrays, first, altered):
        return split(arrays["text"][first[:, None] + jnp.arange(before + 1)], altered)

    def loss(params, batch):
        seen, following = batch
        expected = jnp.einsum("bcw,cwv->bv", params["seen"][seen], params["mixing"])
        return cross_entropy(expected @ params["next"] + params["bias"], following)

    def held_out(params, arrays, altered):
        return loss(params, split(arrays["held_out"], altered))

    return Problem(arrays, init, draw, batch, loss, held_out)


def _text() -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out text as ranks of words; what is rare shares the last one."""
    import pydoc_data.topics

    topics = pydoc_data.topics.topics
    found = re.findall(r"[a-z]+", " ".join(topics[name] for name in sorted(topics)).lower())
    common = sorted(Counter(found).items(), key=lambda item: (-item[1], item[0]))
    rank = {word: place for place, (word, _) in enumerate(common[: VOCABULARY - 1])}
    ranks = np.array([rank.get(word, VOCABULARY - 1) for word in found], np.int32)
    split = int((1 - HELD_OUT_SHARE) * len(ranks))
    return ranks[:split], ranks[split:]
