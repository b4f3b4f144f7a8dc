"""Pictures of schedules, runs and searches; needs matplotlib.

Every function draws into the Axes that is handed in as ``ax``, or into a new figure of 600 by
400 pixels, and returns the Axes: ``oa.plotting.schedule(s).figure.savefig("schedule.png")``.
None of them needs a display or touches the state of ``pyplot``; in a notebook hand in
``ax=plt.gca()``. Colours are those of Okabe and Ito, which people of every colour vision can
tell apart, and nothing is told by colour alone.
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(
        "optax_aware.plotting needs matplotlib. Install it with: pip install 'optax-aware[plot]'"
    ) from error

from optax_aware.plotting._coarse_to_fine import coarse_to_fine
from optax_aware.plotting._compare import compare
from optax_aware.plotting._range_test import range_test
from optax_aware.plotting._run import run
from optax_aware.plotting._schedule import schedule

__all__ = ["coarse_to_fine", "compare", "range_test", "run", "schedule"]
