"""Several processes that train together take the same decisions, to the last bit."""

import numpy as np
import pytest

from optax_aware import Condition
from tests.distributed.one_process import BROKEN_AT_THE_LAST, free_address, start_all
from tests.distributed.training import BROKEN, STEPS


@pytest.mark.parametrize(
    ("processes", "sharded"),
    [
        (2, "replicated"),
        pytest.param(2, "sharded", marks=pytest.mark.long),
        pytest.param(4, "replicated", marks=pytest.mark.long),
        pytest.param(4, "sharded", marks=pytest.mark.long),
    ],
)
def test_every_process_takes_the_same_decisions(tmp_path, processes, sharded):
    paths = [tmp_path / f"{process}.npz" for process in range(processes)]
    module = ["-m", "tests.distributed.one_process", free_address(), str(processes)]
    ended = start_all(
        [[*module, str(process), sharded, str(path)] for process, path in enumerate(paths)]
    )
    for process in ended:
        assert process.returncode == 0, process.stderr[-3000:]
    first, *others = [dict(np.load(path)) for path in paths]
    assert len(first) > 60
    for other in others:
        assert set(other) == set(first)
        for name, known in first.items():
            np.testing.assert_array_equal(other[name], known, err_msg=name, strict=True)

    nonfinite, condition = first[".report.nonfinite"], first[".report.condition"]
    assert condition[BROKEN_AT_THE_LAST] == Condition.NONFINITE
    assert np.flatnonzero(np.diff(nonfinite)).tolist() == [BROKEN - 1, BROKEN_AT_THE_LAST - 1]
    weights = first[".params['w']"]
    np.testing.assert_array_equal(weights[BROKEN_AT_THE_LAST], weights[BROKEN_AT_THE_LAST - 1])
    assert np.isfinite(weights).all()
    assert first[".report.rewound"][-1] >= 1
    assert condition[STEPS - 1] == Condition.COOLING
    assert "rewound" in str(first["events"])
