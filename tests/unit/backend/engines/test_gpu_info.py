"""Querying GPUs with nvidia-smi, and machines without one."""

import os
from pathlib import Path

import pytest

from backend.engines.gpu_info import gpu_memory

CARD = {"gpu": "NVIDIA A 40GB", "gpu_memory_mib": 40_960, "gpu_memory_used_mib": 1_024}


@pytest.fixture
def driver(tmp_path: Path) -> dict[str, str]:
    """An environment with a fake nvidia-smi that knows the GPUs 2 and GPU-abc."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "--id=2 | --id=GPU-abc) echo 'NVIDIA A 40GB, 40960, 1024' ;;\n"
        "*) echo 'No devices were found'; exit 6 ;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("device", "visible", "found"),
    [
        ("cuda:2", None, CARD),
        ("cuda:1", "0,2", CARD),
        ("cuda:0", "GPU-abc", CARD),
        ("cuda:0", None, {}),
        ("cpu", None, {}),
        ("speech.example:443", None, {}),
    ],
)
def test_the_card_matches_the_device_index_of_the_process(
    driver: dict[str, str], device: str, visible: str | None, found: dict[str, object]
) -> None:
    environment = {**driver, **({"CUDA_VISIBLE_DEVICES": visible} if visible else {})}
    assert gpu_memory(device, environment) == found


def test_no_card_is_reported_without_a_driver(tmp_path: Path) -> None:
    assert gpu_memory("cuda:0", {"PATH": str(tmp_path)}) == {}
