"""Streams of losses that Hypothesis puts together from pieces, and all else that is observed."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import optax_aware as oa

STREAMS = 16
"""Streams in an example: they are run at once, by one compiled program."""
STEPS = 192
KINDS = ("flat", "falling", "rising", "walking", "jumping", "spiked", "extreme", "exact")
EXTREMES = np.asarray(
    [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e38, 1e-38, 1e-45, -1e-45, 0.0, -0.0, 1.0, -1.0],
    np.float32,
)


class Piece(NamedTuple):
    """A part of a stream, repeated from the first one when all are used up."""

    kind: str
    length: int
    level: float
    noise: float
    seed: int


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    """Return numbers of any magnitude between two powers of ten."""
    return st.floats(low, high, width=16).map(lambda power: float(np.float32(10.0**power)))


LEVELS = (
    st.floats(-10, 10, width=16)
    | _number(-30, 30)
    | st.sampled_from(EXTREMES.tolist())
    | st.floats(width=32)
)
PIECES = st.builds(
    Piece,
    st.sampled_from(KINDS),
    st.integers(1, 80),
    LEVELS,
    st.just(0.0) | _number(-6, 3),
    st.integers(0, 255),
)
STREAMS_OF_PIECES = st.lists(
    st.lists(PIECES, min_size=1, max_size=4), min_size=STREAMS, max_size=STREAMS
)


def losses(pieces: list[Piece]) -> np.ndarray:
    """Return the stream that pieces make, float32 of shape (STEPS,)."""
    parts, total = [], 0
    while total < STEPS:
        for number, piece in enumerate(pieces):
            parts.append(_part(piece, total + number))
            total += piece.length
    return np.concatenate(parts)[:STEPS]


def _part(piece: Piece, salt: int) -> np.ndarray:
    random = np.random.default_rng([piece.seed, salt])
    time = np.arange(piece.length)
    normal = random.normal(size=piece.length)
    with np.errstate(all="ignore"):
        level = np.full(piece.length, piece.level)
        noise = piece.noise * np.abs(np.where(np.isfinite(level), level, 1.0))
        curve = {
            "flat": lambda: level + noise * normal,
            "falling": lambda: level * np.exp(-time / 10.0) + noise * normal,
            "rising": lambda: level * 1.5**time + noise * normal,
            "walking": lambda: level + noise * np.cumsum(normal),
            "jumping": lambda: level * random.choice([1.0, -1.0, 1e3], piece.length),
            "spiked": lambda: level * np.where(random.random(piece.length) < 0.1, 1e6, 1.0),
            "extreme": lambda: random.choice(EXTREMES, piece.length),
            "exact": lambda: level,
        }[piece.kind]()
        return curve.astype(np.float32)


def observations(values: np.ndarray, seed: int) -> oa.Observation:
    """Return what is observed besides the losses: plausible in some streams, anything in others."""
    random = np.random.default_rng(seed)
    shape = values.shape
    with np.errstate(all="ignore"):
        size = np.abs(np.where(np.isfinite(values), values, 1.0)).astype(np.float32)
    any_number = random.choice([0.0, 0.0, 0.05, 0.5], (shape[0], 1))

    def spoiled(column: np.ndarray) -> np.ndarray:
        strange = random.random(shape) < any_number
        with np.errstate(all="ignore"):
            return np.where(strange, random.choice(EXTREMES, shape), column).astype(np.float32)

    def product() -> np.ndarray:
        with np.errstate(all="ignore"):
            return size * random.normal(random.choice([-1.0, 0.0, 1.0], (shape[0], 1)), 1.0, shape)

    def norm() -> np.ndarray:
        return np.broadcast_to(np.exp(random.normal(0.0, 3.0, (shape[0], 1))), shape)

    validation = np.where(random.random(shape) < 0.1, values, np.nan)
    return oa.Observation(
        value=values,
        step=np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape),
        validation_value=validation.astype(np.float32),
        gradients_finite=random.random(shape) >= any_number / 2,
        gradient_norm=spoiled(norm()),
        direction_norm=spoiled(norm()),
        params_norm=spoiled(norm()),
        gradient_dot_direction=spoiled(np.abs(product())),
        gradient_dot_update=spoiled(product()),
        previous_gradient_dot_update=spoiled(-np.abs(product())),
        gradient_dot_path=spoiled(product()),
        gradient_dot_lag=spoiled(product()),
        rewindable=np.broadcast_to(random.random((shape[0], 1)) < 0.7, shape),
        shape=spoiled(np.broadcast_to(random.choice([1.0, 1.0, 0.0, 0.5], (shape[0], 1)), shape)),
        guess=spoiled(
            np.broadcast_to(random.choice([np.nan, 1e-3, 1e3, 0.0], (shape[0], 1)), shape)
        ),
    )
