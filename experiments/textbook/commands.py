"""The command ``textbook``; what it needs is imported when it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.commands import Run
from experiments.contenders.catalogue import CONTENDERS

if TYPE_CHECKING:
    from experiments.comparison import Output


@dataclass
class Textbook(Run):
    """Repeat a textbook's chapter on learning rates on Fashion-MNIST, policies included: hours."""

    workload: str = "fashion_mnist"
    """What to train; `list` shows all."""
    seeds: int = 2
    """How many runs of each contender, with the seeds 0, 1, ..."""

    kind: ClassVar[str] = "textbook"

    def run(self) -> None:
        """Carry it out."""
        self.carry_out(tuple(CONTENDERS))

    def outputs(self) -> "Mapping[str, Output]":
        """What is written besides the numbers."""
        from experiments.textbook.outputs import OUTPUTS

        return OUTPUTS
