"""The hub configuration agrees with huggingface_hub, whose environment variables it reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.models.hub import HubConfig
from backend.models.specs import HubSource

VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*VARIABLES, "NOVA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"HF_HOME": "~/home"},
        {"HF_HOME": "/home", "HF_HUB_CACHE": "$HOME/cache"},
        {"HUGGINGFACE_HUB_CACHE": "/old"},
        {"HF_ENDPOINT": "https://mirror.example/"},
        {"HF_HUB_OFFLINE": "1"},
        {"HF_HUB_OFFLINE": "true"},
        {"HF_HUB_OFFLINE": "0"},
    ],
)
def test_the_configuration_is_that_of_huggingface_hub(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # huggingface_hub reads its variables at import time, so it is asked in a process of its own.
    script = "from huggingface_hub import constants as c; print(c.HF_HUB_CACHE, c.ENDPOINT, c.HF_HUB_OFFLINE)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    config = HubConfig.from_environment()
    assert f"{config.cache} {config.endpoint} {config.offline}" == done.stdout.strip()


def test_nova_cache_dir_moves_the_hub_cache_unless_a_hugging_face_variable_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOVA_CACHE_DIR", "/models")
    assert HubConfig.from_environment().cache == Path("/models/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/shared")
    assert HubConfig.from_environment().cache == Path("/shared/hub")


def test_a_snapshot_is_a_directory_of_the_shared_cache() -> None:
    snapshot = HubConfig(Path("/cache")).snapshot(HubSource("Systran/faster-whisper-tiny", "d90c"))
    assert snapshot == Path("/cache/models--Systran--faster-whisper-tiny/snapshots/d90c")
