"""What ran where: without this a time means nothing."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform

PACKAGES = ("numpy", "torch", "jax", "autograd", "mygrad", "numba")


def machine():
    """Processor, systems and versions, and how busy the machine is."""
    return {
        "cpu": _processor(),
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "blas": _blas(),
        "date": datetime.date.today().isoformat(),
        "load": load(),
    }


def load():
    """How many processes wanted to run over the last minute; ours is one of them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor():
    try:
        with open("/proc/cpuinfo") as info:
            fields = dict(line.split(":", 1) for line in info if ":" in line)
    except OSError:
        return platform.processor()
    named = {name.strip(): value.strip() for name, value in fields.items()}
    wide = ", AVX-512" if "avx512f" in named.get("flags", "") else ""
    return named.get("model name", platform.processor()) + wide


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _blas():
    from tinygrad_lstm import blas_facts

    facts = blas_facts()
    return f"{facts['library']} {facts['version'] or ''}".strip()


def openblas_settings(keep):
    """What the environment tells OpenBLAS, in words; unless it is to be kept, it is removed.

    PyTorch and JAX bring products of their own and do not read it.  So that all are alike, each
    library chooses for the processor that is there.
    """
    settings = {k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_")}
    if not keep:
        for name in settings:
            del os.environ[name]
    said = " ".join(f"{k}={v}" for k, v in sorted(settings.items()))
    return said + ("" if keep else " not passed on") if settings else "none"
