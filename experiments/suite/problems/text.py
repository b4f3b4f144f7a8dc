"""Character models of the English that ships with Python."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.losses import cross_entropy
from experiments.suite.noise import choices
from experiments.suite.problem import Problem

HELD_OUT_PASSAGES = 64
HELD_OUT_SHARE = 0.1


def characters(kind: str, *, width: int, length: int, batch_size: int) -> Problem:
    """The next character, cross-entropy in nats, over passages of the help texts of Python.

    Args:
      kind: ``gru`` or ``transformer``.
      width: of the network; the GRU's embedding has half of it.
      length: characters of a passage.
      batch_size: passages a step.
    """
    train, held_out_text, symbols = _text()
    starts = np.linspace(0, len(held_out_text) - length - 1, HELD_OUT_PASSAGES).astype(int)
    passages = held_out_text[starts[:, None] + np.arange(length + 1)]
    arrays = {"text": jnp.asarray(train), "held_out": jnp.asarray(passages)}
    init, apply = _model(kind, symbols, width, length)

    def altered_symbols(symbols_seen, altered):
        return jnp.where(altered, (symbols_seen + 1) % symbols, symbols_seen)

    def draw(generator, steps):
        return choices(generator, steps, batch_size, len(train) - length - 1)

    def batch(arrays, first, altered):
        passages = arrays["text"][first[:, None] + jnp.arange(length + 1)]
        return passages[:, :-1], altered_symbols(passages[:, 1:], altered)

    def loss(params, batch):
        seen, following = batch
        return cross_entropy(apply(params, seen), following)

    def held_out(params, arrays, altered):
        passages = arrays["held_out"]
        return loss(params, (passages[:, :-1], altered_symbols(passages[:, 1:], altered)))

    return Problem(arrays, init, draw, batch, loss, held_out)


def _model(
    kind: str, symbols: int, width: int, length: int
) -> tuple[Callable[[np.random.Generator], Any], Callable[[Any, jax.Array], jax.Array]]:
    if kind == "gru":
        return (
            lambda generator: networks.gru_init(generator, symbols, width // 2, width),
            networks.gru_apply,
        )
    return (
        lambda generator: networks.transformer_init(generator, symbols, length, width),
        networks.transformer_apply,
    )


def _text() -> tuple[np.ndarray, np.ndarray, int]:
    """Training and held-out text as numbers of symbols, and how many symbols there are.

    Everything is lower case and what is rare becomes one symbol, which keeps the models small.
    """
    import pydoc_data.topics

    topics = pydoc_data.topics.topics
    text = "".join(topics[name] for name in sorted(topics)).lower()
    known = "\n abcdefghijklmnopqrstuvwxyz0123456789.,:;()[]{}'\"`*=-_<>"
    number = {character: place for place, character in enumerate(known)}
    numbers = np.array([number.get(character, len(known)) for character in text], np.int32)
    split = int((1 - HELD_OUT_SHARE) * len(numbers))
    return numbers[:split], numbers[split:], len(known) + 1
