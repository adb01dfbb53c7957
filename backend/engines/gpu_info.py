"""Query GPUs with nvidia-smi."""

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping

# nvidia-smi takes seconds when the driver was not loaded yet (no persistence daemon).
QUERY_TIMEOUT_S = 20.0


def gpu_memory(device: str, environment: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Return name and memory (MiB, total and used) of a device such as "cuda:0"; empty for a CPU or if unknown.

    Blocks for up to QUERY_TIMEOUT_S.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return {}
    try:
        gpu, total, used = _query(index, ("name", "memory.total", "memory.used"), environment)
        return {"gpu": gpu, "gpu_memory_mib": int(total), "gpu_memory_used_mib": int(used)}
    except ValueError:
        return {}


def gpu_model(index: int, environment: Mapping[str, str] = os.environ) -> str:
    """Return the name and driver version of a CUDA device, or "unknown"."""
    return ", ".join(_query(str(index), ("name", "driver_version"), environment)) or "unknown"


def _query(index: str, fields: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    """Return the values of the fields, or an empty list if the GPU cannot be queried."""
    program = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if program is None:
        return []
    # nvidia-smi counts all GPUs, CUDA only those that are visible to the process.
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    gpu = visible[int(index)] if int(index or 0) < len(visible) else index or "0"
    command = (program, f"--id={gpu}", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUERY_TIMEOUT_S, check=True)
        (values,) = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return values
