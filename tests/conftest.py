"""Settings that must be in place before JAX starts: several host devices, no accelerator grab."""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Policies are many small scalar kernels, which the newer fusion emitters of XLA take several
# times longer to compile; and what is not optimized is compiled sooner still.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=8 --xla_cpu_multi_thread_eigen=false"
    " --xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0",
)

# Tests that fuzz take the number of their examples from the profile: in an example of the
# policies there are 16 streams. ``--hypothesis-profile=long`` looks elsewhere at every run.
SLOW = [HealthCheck.too_slow]
settings.register_profile(
    "default", max_examples=6, deadline=None, derandomize=True, suppress_health_check=SLOW
)
settings.register_profile(
    "long",
    max_examples=640,
    deadline=None,
    derandomize=False,  # a profile takes what it does not say from the one in force
    print_blob=True,
    suppress_health_check=SLOW,
)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names with an address in them: each worker would know the test by another name."""
    unsteady = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if unsteady:
        raise pytest.UsageError(f"give these tests ids that are the same in every run: {unsteady}")
