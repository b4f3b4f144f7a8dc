"""Several processes that train together: JAX's own runtime, and how they go on or stop alike.

Every function here is called by all processes at the same time. A process by itself is the first
and only one, and waits for nobody.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from experiments.errors import UsageError


def join(address: str | None, processes: int | None, process: int | None) -> None:
    """Meet the other processes; what is None, JAX finds out from the environment.

    Raises:
      UsageError: if it cannot be found out or is not possible.
    """
    try:
        jax.distributed.initialize(address, processes, process)
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            f"--distributed: {error} Where there is neither a TPU pod nor Slurm nor Open MPI, give "
            "--coordinator-address, --num-processes and --process-id."
        ) from error


def joined() -> bool:
    """Whether there is a runtime that this process has joined."""
    return jax.distributed.is_initialized()


def is_first() -> bool:
    """Whether it is this process that writes and prints."""
    return jax.process_index() == 0


@contextmanager
def together() -> Iterator[None]:
    """Do something that ends in an error in all processes where it does in one.

    Otherwise they would wait for the one that has left.

    Raises:
      Exception: the one of this process.
      UsageError: in the others, naming the process that says why.
    """
    failure = None
    try:
        yield
    except Exception as error:  # of whatever kind: the others would wait for minutes
        failure = error
    failed = np.flatnonzero(multihost_utils.process_allgather(np.asarray(failure is not None)))
    if failure is not None:
        raise failure
    if failed.size:
        raise UsageError(f"process {failed[0]} cannot go on, and says why.")


def check_agreement(text: str) -> None:
    """Refuse to train what the processes understand differently.

    Raises:
      UsageError: in every process, if the text of one is another.
    """
    digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
    digests = np.reshape(multihost_utils.process_allgather(digest), (-1, digest.size))
    different = np.flatnonzero((digests != digests[0]).any(axis=1))
    if different.size:
        raise UsageError(
            f"--distributed: process {different[0]} was started with other options, data or "
            "versions than process 0."
        )


def from_first(tree: Any) -> Any:
    """What the first process holds, for all: NumPy arrays of the same shapes and dtypes."""
    if jax.process_count() == 1:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    # As bytes: what is sent is added to zeros, which would make a positive zero of a negative one.
    sent = np.concatenate([np.frombuffer(leaf.tobytes(), np.uint8) for leaf in leaves])
    received = np.asarray(multihost_utils.broadcast_one_to_all(sent))
    ends = np.cumsum([leaf.nbytes for leaf in leaves])
    return structure.unflatten(
        np.frombuffer(part.tobytes(), leaf.dtype).reshape(leaf.shape)
        for leaf, part in zip(leaves, np.split(received, ends[:-1]), strict=True)
    )
