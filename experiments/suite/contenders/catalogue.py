"""All contenders by name."""

from experiments.errors import unknown_name
from experiments.suite.contenders import condition_based, peers, policies, schedules
from experiments.suite.contenders.contender import Contender

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        *schedules.CONTENDERS,
        *peers.CONTENDERS,
        *policies.CONTENDERS,
        *condition_based.CONTENDERS,
    )
}


def find_contender(name: str) -> Contender:
    """The contender of this name."""
    if name not in CONTENDERS:
        raise unknown_name("contender", name, CONTENDERS)
    return CONTENDERS[name]
