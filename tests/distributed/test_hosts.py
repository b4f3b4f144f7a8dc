"""Several processes that train together take the same decisions, to the last bit."""

import signal
import socket

import numpy as np
import pytest

from optax_aware import Condition
from tests.distributed import one_process
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

    def commands(address):
        module = ["-m", "tests.distributed.one_process", address, str(processes)]
        return [[*module, str(process), sharded, str(path)] for process, path in enumerate(paths)]

    for process in start_all(commands):
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


def test_where_an_address_is_taken_another_one_is_tried(monkeypatch):
    join = "import sys, jax; jax.distributed.initialize(sys.argv[1], 1, 0); print(sys.argv[1])"
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        addresses = [f"127.0.0.1:{other.getsockname()[1]}", free_address()]
        tried = iter(addresses)
        monkeypatch.setattr(one_process, "free_address", lambda: next(tried))
        waits = ["-c", "import time; time.sleep(1000)"]
        first, last = start_all(
            lambda address: [
                ["-c", join, address],
                waits if address == addresses[0] else ["-c", ""],
            ]
        )
    assert (first.returncode, last.returncode) == (0, 0), first.stderr
    assert first.stdout.split() == [addresses[1]]


def test_a_process_that_has_much_to_say_keeps_nobody_waiting(tmp_path):
    said = tmp_path / "said"
    waits = (
        f"import pathlib, time\nwhile not pathlib.Path({str(said)!r}).exists(): time.sleep(0.01)"
    )
    speaks = (
        f"import pathlib, sys\nsys.stderr.write('.' * 10**6)\npathlib.Path({str(said)!r}).touch()"
    )
    first, last = start_all(lambda address: [["-c", waits], ["-c", speaks]])
    assert (first.returncode, last.returncode) == (0, 0)
    assert len(last.stderr) == 10**6


def test_what_is_waited_for_ends_them_all():
    waits = ["-c", "import time; time.sleep(1000)"]
    ended = start_all(lambda address: [waits, waits], until=lambda: True)
    assert [process.returncode for process in ended] == [-signal.SIGKILL] * 2
