"""The official Deepgram client with `callback`: an answer at once, and the results at the client's own server."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from backend.local.system import System, running
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.cli import silent
from tests.testkit.servers.callback_server import callback_server
from tests.testkit.system.plans import system_plan

# The client uses names that websockets calls deprecated.
pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ENVIRONMENT = {
    "GATEWAY_CALLBACK_ENABLED": "true",
    "GATEWAY_URL_NETWORKS": "127.0.0.1/32",
    # A recording of ten seconds takes two, so its results cannot be part of the answer.
    "STT_NULL_COST": "0.2",
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A gateway that sends results to loopback, and a recognizer that names what it gets."""
    plan = system_plan(tmp_path_factory.mktemp("callbacks"), environment=ENVIRONMENT)
    with run_in_thread(running(plan, silent)) as up:
        yield up


@pytest.fixture
def client(system: System) -> Iterator[DeepgramClient]:
    http, socket = system.urls[0], system.urls[0].replace("http", "ws", 1)
    environment = DeepgramClientEnvironment(base=http, production=socket, agent=socket, agent_rest=http)
    with httpx.Client(timeout=60) as session:
        yield DeepgramClient(api_key="unused", environment=environment, httpx_client=session)


@pytest.fixture(scope="module")
def talk(english: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    speech = np.concatenate([english[0].pcm(), np.zeros(RATE, np.int16), english[1].pcm()])
    return encode(tmp_path_factory.mktemp("talk") / "talk.flac", speech).read_bytes()


def test_the_answer_comes_at_once_and_the_results_follow(client: DeepgramClient, talk: bytes) -> None:
    with callback_server([500]) as server:
        began = time.monotonic()
        accepted: Any = client.listen.v1.media.transcribe_file(
            request=talk, callback=server.url(user="ann:secret@"), extra=["call:7"]
        )
        assert time.monotonic() - began < 2
        assert server.requests == []
        first, second = server.wait_for(2)
    assert first == second, "the first one was not accepted"
    assert (first.method, bool(first.authorization)) == ("POST", True)
    results = json.loads(first.body)
    assert results["metadata"]["request_id"] == accepted.request_id
    assert results["metadata"]["extra"] == {"call": "7"}
    assert results["results"]["channels"][0]["alternatives"][0]["transcript"]


def test_errors_are_sent_as_well(client: DeepgramClient) -> None:
    with callback_server() as server:
        accepted: Any = client.listen.v1.media.transcribe_file(
            request=b"no recording", callback=server.url(), callback_method="PUT"
        )
        (request,) = server.wait_for(1)
    assert request.method == "PUT"
    body = json.loads(request.body)
    assert (body["request_id"], body["err_code"]) == (accepted.request_id, "Bad Request")


def test_a_client_that_has_left_gets_its_results(system: System, talk: bytes) -> None:
    with callback_server() as server:
        with httpx.Client(base_url=system.urls[0]) as http:
            response = http.post("/v1/listen", params={"callback": server.url()}, content=talk)
        (request,) = server.wait_for(1)
    assert json.loads(request.body)["metadata"]["request_id"] == response.json()["request_id"]
