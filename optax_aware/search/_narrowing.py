"""What a search from coarse to fine gives up, and where it looks next."""

from collections.abc import Sequence

import numpy as np

HOPELESS_ERRORS = 3.0
"""Standard errors by which a run does worse than no training at all before it is given up."""
HOPELESS_SHARE = 1e-3
"""The share of the untrained loss that it has to be worse by at least: more than rounding."""


def hopeless(losses: np.ndarray, references: np.ndarray) -> bool:
    """Whether losses are above those of the untrained parameters, in their second half.

    They see the same batches, so most of the noise is in both. A divergence grows so fast that
    its standard error says nothing: there it is enough that the least is above all references.
    """
    losses, references = losses[len(losses) // 2 :], references[len(references) // 2 :]
    seen = np.isfinite(losses) & np.isfinite(references)
    if not seen.any():
        return True
    losses, references = losses[seen], references[seen]
    excess = losses - references
    if excess.mean() <= HOPELESS_SHARE * np.abs(references).mean():
        return False
    error = excess.std() / np.sqrt(max(len(excess) - 1, 1))
    return bool(excess.mean() > HOPELESS_ERRORS * error or losses.min() > references.max())


def between_neighbours(rates: Sequence[float], best: int, count: int) -> np.ndarray:
    """Return new rates on both sides of the best, up to its neighbours, evenly on each side."""
    lower = rates[max(best - 1, 0)]
    upper = rates[min(best + 1, len(rates) - 1)]
    below = 0 if best == 0 else count if best == len(rates) - 1 else count // 2
    return np.concatenate(
        [
            np.geomspace(lower, rates[best], below + 2)[1:-1],
            np.geomspace(rates[best], upper, count - below + 2)[1:-1],
        ]
    )
