"""What a contender is told about the run it decides the rate of."""

from typing import NamedTuple

PARTS = 30


class Plan(NamedTuple):
    """The run to come.

    Attributes:
      total_steps: the number of updates.
      learning_rate: the base rate.
    """

    total_steps: int
    learning_rate: float

    def steps(self, parts: float) -> int:
        """So many thirtieths of the run in steps: an epoch each in a run of 30 epochs."""
        return max(1, round(parts * self.total_steps / PARTS))
