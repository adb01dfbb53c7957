"""The GPU that a process computes on, as the driver's own program tells."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping

ASK_TIMEOUT_S = 10.0
QUERY = ("name", "memory.total", "memory.used")


def graphics_card(device: str, environment: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Name and memory (MiB, all and used) of a device named "cuda:0"; nothing of a CPU, or where nobody knows.

    Takes up to seconds: once, in a thread.
    """
    kind, _, index = device.partition(":")
    program = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if kind != "cuda" or program is None:
        return {}
    # The program counts all GPUs; CUDA only those that the process may see.
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    name = visible[int(index)] if int(index or 0) < len(visible) else index or "0"
    command = (program, f"--id={name}", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True)
        ((gpu, total, used),) = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
        return {"gpu": gpu, "gpu_memory_mib": int(total), "gpu_memory_used_mib": int(used)}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
