"""The contenders by name, without anything that takes long to import.

Each name is a function in ``schedules`` or ``policies`` beside this file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from experiments.errors import unknown_name

Kind = Literal["schedule", "policy"]


@dataclass(frozen=True)
class Contender:
    """One way of deciding the learning rate.

    Attributes:
      name: what it is called on the command line.
      kind: a schedule knows the step alone, a policy listens to the loss.
      summary: its shape for the base rate b (0.3 unless another is asked for) and times in
        thirtieths of the run, which are epochs in a run of 30.
      usual: whether it is compared where none is named; the others vary one number of those.
      finds_rate: whether it is told how long the run is in place of the base rate.
    """

    name: str
    kind: Kind
    summary: str
    usual: bool = True
    finds_rate: bool = False


def _variation(name: str, summary: str) -> Contender:
    return Contender(name, "schedule", summary, usual=False)


CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        Contender("fixed", "schedule", "b throughout"),
        Contender("square_root", "schedule", "b/3 over the root of 1 + time"),
        Contender("factor", "schedule", "b, times 0.9 each thirtieth, down to b/30"),
        Contender("multi_factor", "schedule", "5b/3, halved at times 15 and 30"),
        Contender("cosine", "schedule", "b to b/30 over 20 thirtieths, then held"),
        Contender("warmup_cosine", "schedule", "up to b in 5, down to b/30 at 20, then held"),
        Contender("linear", "schedule", "b straight down to 0 at the end"),
        Contender("one_cycle", "schedule", "b/25 up to b in 9, down to almost 0 at the end"),
        Contender("warmup_stable_decay", "schedule", "up to b in 1.5, held, down to 0 in 9"),
        Contender("triangular", "schedule", "between b/30 and b and back, three times"),
        Contender(
            "condition_based",
            "policy",
            "finds its own rate without b; knows the length",
            finds_rate=True,
        ),
        Contender("constant", "policy", "b throughout: the control, equal to fixed"),
        Contender("reduce_on_plateau", "policy", "halves when two thirtieths set no new best"),
        Contender("loss_ratio", "policy", "b times the loss over the first loss"),
        Contender("ratio_based", "policy", "decays, raised while the mean loss rises"),
        Contender("robust_ratio", "policy", "the same by the signed log ratio, with patience"),
        Contender("greedy", "policy", "raises on new bests of the mean loss, else lowers"),
        _variation("warmup_cosine_1", "like warmup_cosine, up in 1"),
        _variation("warmup_cosine_2", "like warmup_cosine, up in 2"),
        _variation("warmup_cosine_10", "like warmup_cosine, up in 10"),
        _variation("polynomial_half", "b times the root of the time left, to 0 at the end"),
        _variation("polynomial_2", "b times the square of the time left, to 0 at the end"),
        _variation("polynomial_3", "b times the cube of the time left, to 0 at the end"),
        _variation("fixed_hundredth", "b/100 throughout"),
        _variation("fixed_tenth", "b/10 throughout"),
        _variation("fixed_third", "b/3 throughout"),
        _variation("fixed_triple", "3b throughout"),
    )
}

USUAL = tuple(name for name, contender in CONTENDERS.items() if contender.usual)


def told_of_base_rate(names: Iterable[str], base_rate: float) -> str:
    """Which of the contenders are handed the base rate, for whoever compares them."""
    without = [name for name in names if find_contender(name).finds_rate]
    told = f"base rate {base_rate:g}"
    return (
        f"{told}; not told it, but the length of the run: {', '.join(without)}" if without else told
    )


def find_contender(name: str) -> Contender:
    """The contender of this name."""
    if name not in CONTENDERS:
        raise unknown_name("contender", name, CONTENDERS)
    return CONTENDERS[name]
