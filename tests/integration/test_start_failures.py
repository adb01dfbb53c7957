"""A service that cannot start logs one line with the reason, without a traceback."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from backend.local.processes import python

NOWHERE = {"REDIS_URL": "redis://127.0.0.1:1/0", "NOVA_LOG_FORMAT": "json"}


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


def failure(module: str, **settings: str) -> tuple[str, str]:
    """The event and the reason of the only line that a service prints before it exits."""
    environment = {**os.environ, **NOWHERE, **settings}
    done = subprocess.run(python(module), env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    entry = json.loads(line)
    return entry["message"], entry["reason"]


@pytest.mark.parametrize(
    ("module", "setting"), [("stt_worker", "STT_MODEL"), ("translation_worker", "TRANSLATION_MODELS")]
)
def test_a_worker_without_its_model(module: str, setting: str) -> None:
    event, reason = failure(f"{module}.worker", **{setting: "no-such-model"})
    assert event == f"{module}_not_started"
    assert reason.startswith("no-such-model is neither a directory nor a known model")


def test_a_worker_whose_metrics_port_is_in_use(taken_port: str) -> None:
    event, reason = failure("stt_worker.worker", STT_MODEL="null", STT_METRICS_PORT=taken_port)
    assert event == "stt_worker_not_started"
    assert reason == f"the metrics cannot be served at 127.0.0.1:{taken_port}: Address already in use"
