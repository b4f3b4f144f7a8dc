"""What a search from coarse to fine finds."""

import dataclasses
import math
from typing import NamedTuple

ROWS_SHOWN = 12


class Candidate(NamedTuple):
    """One learning rate that was tried.

    Attributes:
      round_number: in which round, from 1 on.
      rate: the learning rate.
      loss: what decided; NaN where the run was given up, and whatever ``eval_fn`` returned
        where it was not.
      steps: the number of updates that were made.
      given_up: whether the run ended before the last step, or was lost at the end.
    """

    round_number: int
    rate: float
    loss: float
    steps: int
    given_up: bool


@dataclasses.dataclass(frozen=True, repr=False)
class CoarseToFine:
    """All rates that were tried; ``str`` of it is a table, the best first.

    Attributes:
      candidates: every rate, the lowest first.
      num_steps: the number of updates of a whole run.
    """

    candidates: tuple[Candidate, ...]
    num_steps: int

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """All rates: the least loss first, then losses that are not finite, then the lost."""

        def place(one: Candidate) -> tuple[bool, bool, float, int]:
            finite = math.isfinite(one.loss)
            return one.given_up, not finite, one.loss if finite else 0.0, -one.steps

        return tuple(sorted(self.candidates, key=place))

    @property
    def best(self) -> float | None:
        """The rate with the least loss; None where no run ended with a finite one."""
        first = self.ranked[0]
        return first.rate if math.isfinite(first.loss) else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know before trusting the best rate; often empty."""
        if self.best is None and not all(one.given_up for one in self.candidates):
            return ("eval_fn gave no finite loss for any run: look at it, and at its data",)
        if self.best is None:
            return ("every run was given up: lower min_rate, and look at the data",)
        if self.best == self.candidates[0].rate:
            return ("the best rate is the lowest that was tried: lower min_rate",)
        if self.best == self.candidates[-1].rate:
            return ("the best rate is the highest that was tried: raise max_rate",)
        return ()

    def __str__(self) -> str:
        ranked = self.ranked
        rounds = max(one.round_number for one in ranked)
        given_up = sum(one.given_up for one in ranked)
        lines = [
            f"{len(ranked)} rates in {rounds} {'round' if rounds == 1 else 'rounds'} of at most "
            f"{self.num_steps} steps, {given_up} given up early",
            f"{'rate':>9}  {'loss':>9}  {'round':>5}  {'steps':>5}",
        ]
        for one in ranked[:ROWS_SHOWN]:
            loss = "given up" if one.given_up else f"{one.loss:.4g}"
            lines.append(f"{one.rate:9.3g}  {loss:>9}  {one.round_number:5}  {one.steps:5}")
        if len(ranked) > ROWS_SHOWN:
            lines.append(f"and {len(ranked) - ROWS_SHOWN} more")
        return "\n".join([*lines, *self.remarks])

    __repr__ = __str__
