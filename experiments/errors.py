"""What a person can put right: told in one line, with exit code 2, and nothing written."""

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """A request that cannot be carried out, with one line that says why and what would work."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a table, with the nearest one that is."""
    known = list(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    advice = f"did you mean {nearest[0]!r}? " if nearest else ""
    return UsageError(f"unknown {kind} {name!r}: {advice}There are {', '.join(known)}.")
