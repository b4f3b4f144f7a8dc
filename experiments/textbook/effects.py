"""What is varied besides the kind of schedule: one number at a time."""

from typing import NamedTuple


class Effect(NamedTuple):
    """One number, and the contenders that differ in it alone.

    Attributes:
      title: what is varied, for a heading.
      number: what the number is, for an axis.
      contenders: name → number, from the least to the greatest.
    """

    title: str
    number: str
    contenders: dict[str, float]


def effects(learning_rate: float) -> list[Effect]:
    """The length of the warmup, the exponent of the decay, and the rate itself."""
    return [
        Effect(
            "A cosine after a warmup",
            "warmup (thirtieths of the run)",
            {
                "cosine": 0,
                "warmup_cosine_1": 1,
                "warmup_cosine_2": 2,
                "warmup_cosine": 5,
                "warmup_cosine_10": 10,
            },
        ),
        Effect(
            "A polynomial decay to 0",
            "exponent",
            {"polynomial_half": 0.5, "linear": 1, "polynomial_2": 2, "polynomial_3": 3},
        ),
        Effect(
            "A constant rate",
            "learning rate",
            {
                "fixed_hundredth": learning_rate / 100,
                "fixed_tenth": learning_rate / 10,
                "fixed_third": learning_rate / 3,
                "fixed": learning_rate,
                "fixed_triple": 3 * learning_rate,
            },
        ),
    ]
