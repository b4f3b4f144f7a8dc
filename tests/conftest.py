"""Settings that must be in place before JAX starts: several host devices, no accelerator grab."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Policies are many small scalar kernels, which the newer fusion emitters of XLA take several
# times longer to compile.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=8 --xla_cpu_multi_thread_eigen=false"
    " --xla_cpu_use_fusion_emitters=false",
)
