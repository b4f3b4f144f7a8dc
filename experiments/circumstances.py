"""Under what circumstances this process runs: what its numbers, or their last bits, hang on."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from experiments import processes

PACKAGES = ("optax-aware", "jax", "jaxlib", "optax", "numpy", "orbax-checkpoint", "scikit-learn")

# What is set outside and changes how programs are compiled, or where their memory comes from.
VARIABLES = re.compile(
    "XLA_FLAGS|MALLOC_.*|JAX_(ENABLE_X64|PLATFORMS|DISABLE_JIT|DEBUG_NANS"
    "|DEFAULT_MATMUL_PRECISION|DEFAULT_PRNG_IMPL|THREEFRY_PARTITIONABLE"
    "|ENABLE_COMPILATION_CACHE|COMPILATION_CACHE_DIR)"
)


def describe() -> dict[str, Any]:
    """Versions, device, environment, operating system and the state of the source."""
    # Without the release of the kernel, which may identify a host, as these files are published.
    system = f"{platform.system()} {platform.machine()}"
    return {**decisive(), "system": system, "git": _git_state()}


def decisive() -> dict[str, Any]:
    """Versions, device and environment: what the numbers that are kept hang on."""
    return {
        "versions": {"python": platform.python_version(), **_versions()},
        "device": _device(),
        "environment": _environment(),
    }


def _environment() -> dict[str, str]:
    return {
        name: _without_paths(value)
        for name, value in sorted(os.environ.items())
        if VARIABLES.fullmatch(name)
    }


def _without_paths(value: str) -> str:
    """The same with dots for what names a place on this machine, as these files are published."""
    return re.sub(r"[^\s=,:]*[/\\~].*?(?=\s--|$)", "...", value)


def _device() -> dict[str, Any]:
    device = {
        "platform": jax.default_backend(),
        "kind": jax.devices()[0].device_kind,
        "count": jax.device_count(),
    }
    if processes.joined():
        device["processes"] = jax.process_count()
    if device["platform"] == "cpu":
        # XLA compiles for the processor it finds, and divides its sums among as many threads.
        device["processor"] = _processor()
        device["processors"] = _usable_processors()
    return device


def _processor() -> str:
    """The model, which Linux tells in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _usable_processors() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _versions() -> dict[str, str | None]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _git_state() -> dict[str, Any] | None:
    """The commit, and whether tracked files differ from it; None outside of a repository."""
    folder = Path(__file__).parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return completed.stdout.strip()
