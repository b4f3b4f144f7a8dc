"""One of several processes that train together: `start_all` starts them, on this machine."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import optax_aware as oa
from tests.distributed.training import BROKEN, EXAMPLES, QUICKLY, Batch, batches, run, start

DEVICES_EACH = 2
BROKEN_AT_THE_LAST = BROKEN + 2
"""The step at which the last process, and no other, has examples that are not numbers."""

SECONDS = 240
ATTEMPTS = 3
ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return the environment of one process."""
    flags = (
        f"--xla_force_host_platform_device_count={DEVICES_EACH}"
        " --xla_cpu_multi_thread_eigen=false --xla_cpu_use_fusion_emitters=false"
        " --xla_backend_optimization_level=0"
    )
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "PYTHONPATH": path}


def start_all(
    commands: Callable[[str], list[list[str]]], until: Callable[[], bool] = lambda: False
) -> list[subprocess.CompletedProcess]:
    """Run ``python`` with several commands at the same time, and wait for all of them.

    Args:
      commands: takes the address at which the processes meet, and returns their commands, that
        of process 0 first. Another program may take the address before process 0 does: then all
        of them are started again, with another one.
      until: all are killed as soon as this is true.
    """
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory() as folder:
            ended = _run_all(commands(free_address()), until, Path(folder))
        if not _cannot_listen(ended[0].stderr):
            return ended
    raise RuntimeError(f"process 0 could not listen at any of {ATTEMPTS} addresses.")


def _run_all(
    commands: list[list[str]], until: Callable[[], bool], folder: Path
) -> list[subprocess.CompletedProcess]:
    """Write what they say to files: one that fills a pipe would wait for someone to read it."""
    said = [
        [folder / f"{place}.{name}" for name in ("out", "err")] for place in range(len(commands))
    ]
    running: list[subprocess.Popen] = []
    try:
        for command, paths in zip(commands, said, strict=True):
            with paths[0].open("w") as out, paths[1].open("w") as err:
                whole = [sys.executable, *command]
                running.append(subprocess.Popen(whole, env=environment(), stdout=out, stderr=err))
        deadline = time.monotonic() + SECONDS
        while any(process.poll() is None for process in running) and not until():
            if running[0].poll() and _cannot_listen(said[0][1].read_text()):
                break  # the others would wait for it
            if time.monotonic() > deadline:
                told = [paths[1].read_text()[-1000:] for paths in said]
                raise TimeoutError(f"no end after {SECONDS} seconds: {told}")
            time.sleep(0.01)
    finally:
        for process in running:  # JAX takes SIGTERM for a notice in advance, and goes on.
            process.kill()
            process.wait(SECONDS)
    return [
        subprocess.CompletedProcess(
            process.args, process.returncode, *(path.read_text() for path in paths)
        )
        for process, paths in zip(running, said, strict=True)
    ]


def _cannot_listen(stderr: str) -> bool:
    return "Failed to add port to server" in stderr  # says gRPC


def free_address() -> str:
    """Return an address of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def own_part(stream: Batch, process: int, processes: int) -> Batch:
    """Return the examples that this process alone sees."""
    each = EXAMPLES // processes
    own = [column[:, process * each : (process + 1) * each].copy() for column in stream]
    if process == processes - 1:
        own[2][BROKEN_AT_THE_LAST] = np.nan
    return Batch(*own)


def train(process: int, processes: int, *, sharded: bool) -> dict[str, np.ndarray]:
    """Train with the others, and return all that this process knows in the end."""
    mesh = Mesh(np.asarray(jax.devices()), ("batch",))
    split = NamedSharding(mesh, PartitionSpec(None, "batch"))
    everywhere = NamedSharding(mesh, PartitionSpec())
    rows = NamedSharding(mesh, PartitionSpec("batch") if sharded else PartitionSpec())
    stream = jax.tree.map(
        lambda column: jax.make_array_from_process_local_data(split, column),
        own_part(batches(), process, processes),
    )
    shardings = {"b": everywhere, "w": rows}
    params = jax.tree.map(
        lambda leaf, sharding: jax.make_array_from_callback(
            leaf.shape, sharding, lambda index: np.asarray(leaf)[index]
        ),
        start(),
        shardings,
    )
    together = jax.jit(run, out_shardings=everywhere).lower(params, stream).compile(QUICKLY)
    course = together(params, stream)
    known = jax.tree_util.tree_leaves_with_path(course._replace(before=None))
    return {
        **{jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in known},
        "events": np.asarray(str(oa.events(jax.tree.map(lambda leaf: leaf[-1], course.opt_state)))),
    }


def main(address: str, processes: str, process: str, sharded: str, path: str) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, int(processes), int(process))
    assert jax.device_count() == DEVICES_EACH * int(processes)
    known = train(int(process), int(processes), sharded=sharded == "sharded")
    np.savez(path, allow_pickle=False, **known)


if __name__ == "__main__":
    main(*sys.argv[1:])
