"""The remote recognizer: its requests, its handling of answers, and its circuit breaker."""

import io
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from backend.errors import EntryError, ModelError, UnavailableError
from backend.local.processes import free_port
from backend.messages.jobs import PartialResult
from stt_worker.outcomes import preview_outcome
from stt_worker.recognizers.recognizer import Speech
from stt_worker.recognizers.remote import RemoteRecognizer
from tests.testkit.servers.speech_endpoint import Answer, Endpoint, Request, describe_audio
from tests.testkit.servers.threads import serve_in_thread
from tests.testkit.streams.jobs import preview_job

Remote = Callable[..., RemoteRecognizer]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with serve_in_thread(endpoint.server):
        yield endpoint


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Creates recognizers and closes them."""
    with ExitStack() as stack:

        def recognizer(url: str, **more: Any) -> RemoteRecognizer:
            settings = {"model": "small", "key": SecretStr(""), "timeout_s": 5.0, **more}
            return stack.enter_context(closing(RemoteRecognizer(url, **settings)))

        yield recognizer


def speech(samples: int = 1_600, **more: Any) -> Speech:
    return Speech(samples=np.zeros(samples, np.float32), **more)


def test_the_request_has_the_form_of_the_openai_api(endpoint: Endpoint, remote: Remote) -> None:
    samples = np.array([0, 1, -1, 32_767, -32_768], np.float32) / np.float32(32_768)
    asked = Speech(samples=samples, language="de", prompt="Über Nova.", hotwords="Valkey", words=True)
    remote(endpoint.url, key=SecretStr("secret")).recognize([asked])
    (seen,) = endpoint.requests
    assert (seen.path, seen.key) == ("/v1/audio/transcriptions", "Bearer secret")
    assert (seen.file_name, seen.file_type) == ("speech.wav", "audio/wav")
    assert seen.fields == {
        "model": ["small"],
        "response_format": ["verbose_json"],
        "temperature": ["0"],
        "language": ["de"],
        "prompt": ["Valkey Über Nova."],
        "timestamp_granularities[]": ["segment", "word"],
    }
    with wave.open(io.BytesIO(seen.wav)) as reader:
        assert np.frombuffer(reader.readframes(5), "<i2").tolist() == [0, 1, -1, 32_767, -32_768]


def test_empty_fields_are_not_sent(endpoint: Endpoint, remote: Remote) -> None:
    remote(endpoint.url).recognize([speech()])
    (seen,) = endpoint.requests
    assert set(seen.fields) == {"model", "response_format", "temperature", "timestamp_granularities[]"}
    assert seen.fields["timestamp_granularities[]"] == ["segment"]
    assert seen.key is None


def test_texts_are_in_order_and_requests_are_limited(endpoint: Endpoint, remote: Remote) -> None:
    under_way: list[int] = []
    lock = threading.Lock()
    most = 0

    def first_ones_last(asked: Request) -> Answer:
        nonlocal most
        with lock:
            under_way.append(asked.samples)
            most = max(most, len(under_way))
        time.sleep((1_006 - asked.samples) * 0.02)
        with lock:
            under_way.remove(asked.samples)
        return describe_audio(asked)

    endpoint.answer = first_ones_last
    lengths = range(1_000, 1_006)
    answers = remote(endpoint.url, at_once=3).recognize([speech(samples) for samples in lengths])
    assert [answer.text for answer in answers] == [f"{samples} samples" for samples in lengths]
    assert {answer.language for answer in answers} == {"en"}
    assert most == 3


def test_a_refused_piece_fails_the_batch_and_other_answers_are_kept(endpoint: Endpoint, remote: Remote) -> None:
    endpoint.answer = lambda asked: Answer(400, "too short") if asked.samples == 1_001 else describe_audio(asked)
    recognizer = remote(endpoint.url, failures=1)
    batch = [speech(samples) for samples in (1_000, 1_001, 1_002)]
    with pytest.raises(EntryError, match="400 too short") as caught:
        recognizer.recognize(batch)
    assert caught.value.code == "audio_refused"
    for good in (batch[0], batch[2]):
        assert recognizer.recognize([good])[0].text == f"{len(good.samples)} samples"
    assert len(endpoint.requests) == 3
    with pytest.raises(EntryError):
        recognizer.recognize([batch[1]])
    assert recognizer.recognize([batch[0]])[0].text == "1000 samples", "a kept answer serves once"
    assert len(endpoint.requests) == 5


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 502, 503])
def test_a_failing_endpoint_is_reported_as_unavailable(endpoint: Endpoint, remote: Remote, status: int) -> None:
    endpoint.answer = lambda asked: Answer(status, "not now")
    with pytest.raises(UnavailableError, match=f"{status} not now") as caught:
        remote(endpoint.url).recognize([speech()])
    assert caught.value.code == "recognizer_unavailable"
    assert caught.value.retry_after_s == 1.0


@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": "none"}'])
def test_an_answer_that_is_not_a_transcription_is_a_failure(endpoint: Endpoint, remote: Remote, body: str) -> None:
    endpoint.answer = lambda asked: Answer(200, body)
    with pytest.raises(UnavailableError, match="not a transcription"):
        remote(endpoint.url).recognize([speech()])


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("0", 1.0), ("86400", 60.0), ("Wed, 21 Oct 2026", 1.0)])
def test_retry_after_is_respected_within_limits(endpoint: Endpoint, remote: Remote, said: str, seconds: float) -> None:
    endpoint.answer = lambda asked: Answer(429, "", {"Retry-After": said})
    with pytest.raises(UnavailableError) as caught:
        remote(endpoint.url).recognize([speech()])
    assert caught.value.retry_after_s == seconds


def test_only_the_unanswered_part_of_a_batch_is_sent_again(endpoint: Endpoint, remote: Remote) -> None:
    room = [3]

    def crowded(asked: Request) -> Answer:
        room[0] -= 1
        return describe_audio(asked) if room[0] >= 0 else Answer(429, "too many")

    endpoint.answer = crowded
    recognizer = remote(endpoint.url, at_once=1, failures=10)
    batch = [speech(samples) for samples in range(1_000, 1_005)]
    with pytest.raises(UnavailableError):
        recognizer.recognize(batch)
    room[0] = 3
    assert [one.text for one in recognizer.recognize(batch)] == [f"{n} samples" for n in range(1_000, 1_005)]
    assert len(endpoint.requests) == 5 + 2


def test_the_circuit_breaker_opens_after_failures_until_a_success(endpoint: Endpoint, remote: Remote) -> None:
    endpoint.answer = lambda asked: Answer(503, "starting")
    recognizer = remote(endpoint.url, failures=2, away_s=1.5)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="503 starting"):
            recognizer.recognize([speech()])
    endpoint.answer = describe_audio
    with pytest.raises(UnavailableError, match="circuit breaker is open") as caught:
        recognizer.recognize([speech(), speech()])
    assert len(endpoint.requests) == 2, "while it is left alone nothing is sent"
    assert 0.0 < caught.value.retry_after_s <= 1.5
    time.sleep(caught.value.retry_after_s + 0.05)
    assert recognizer.recognize([speech()])[0].text == "1600 samples"
    endpoint.answer = lambda asked: Answer(503, "once")
    with pytest.raises(UnavailableError, match="503 once"):
        recognizer.recognize([speech()])
    endpoint.answer = describe_audio
    assert recognizer.recognize([speech()])[0].text == "1600 samples", "a single failure is no reason"


def test_a_failed_trial_opens_the_circuit_breaker_again(endpoint: Endpoint, remote: Remote) -> None:
    endpoint.answer = lambda asked: Answer(503, "starting")
    recognizer = remote(endpoint.url, failures=1, away_s=0.2)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="503 starting"):
            recognizer.recognize([speech()])
        with pytest.raises(UnavailableError, match="circuit breaker is open"):
            recognizer.recognize([speech()])
        time.sleep(0.25)
    assert len(endpoint.requests) == 2


def test_refusals_never_open_the_breaker(endpoint: Endpoint, remote: Remote) -> None:
    endpoint.answer = lambda asked: Answer(422, "no")
    recognizer = remote(endpoint.url, failures=2)
    for _ in range(4):
        with pytest.raises(EntryError):
            recognizer.recognize([speech()])
    assert len(endpoint.requests) == 4


def test_a_slow_endpoint_times_out(endpoint: Endpoint, remote: Remote) -> None:
    let_go = threading.Event()

    def slow(asked: Request) -> Answer:
        let_go.wait(10)
        return describe_audio(asked)

    endpoint.answer = slow
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="ReadTimeout"):
        remote(endpoint.url, timeout_s=0.3).recognize([speech()])
    took = time.monotonic() - began
    let_go.set()
    assert 0.3 <= took < 8


def test_an_answer_that_trickles_times_out(remote: Remote) -> None:
    port = free_port()
    enough = threading.Event()

    class Trickling(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            try:
                while not enough.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                enough.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serve_in_thread(ThreadingHTTPServer(("127.0.0.1", port), Trickling)):
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="did not end in time"):
            remote(f"http://127.0.0.1:{port}/v1", timeout_s=0.4).recognize([speech()])
        took = time.monotonic() - began
        enough.set()
    assert 0.4 <= took < 20


def test_a_refused_connection_is_reported_as_unavailable(remote: Remote) -> None:
    with pytest.raises(UnavailableError, match="ConnectError"):
        remote(f"http://127.0.0.1:{free_port()}/v1").recognize([speech()])


@pytest.mark.parametrize("url", ["http://", "http://:80/v1", "http://host:port/v1"])
def test_an_invalid_url_is_an_error_at_once(remote: Remote, url: str) -> None:
    with pytest.raises(ModelError, match="not the URL of a recognizer"):
        remote(url)


def test_previews_of_an_endpoint_without_prefixes_commit_words(endpoint: Endpoint, remote: Remote) -> None:
    said = "So we were walking along the river and talking of old times"
    endpoint.answer = lambda asked: Answer(200, {"text": " ".join(said.split()[: asked.samples // 8_000])})
    recognizer = remote(endpoint.url)
    shown = PartialResult(utterance=1, revision=0, committed="", tentative="", language="en", start_ms=0, end_ms=0)
    for half_seconds in range(2, 12):
        preview = speech(8_000 * half_seconds, words=True, final=False)
        (partial,) = preview_outcome(preview_job(shown, 500 * half_seconds), recognizer.recognize([preview])[0]).live
        assert isinstance(partial, PartialResult)
        assert partial.committed.startswith(shown.committed)
        shown = partial
    assert shown.committed == "So we were walking along the river"


def test_translations_have_an_endpoint_of_their_own(endpoint: Endpoint, remote: Remote) -> None:
    """The API has neither a language nor granularities for them."""
    french = speech(language="fr", translate=True, words=True, prompt="Nova.")
    found = remote(endpoint.url, translates=True).recognize([french, speech(language="fr")])
    by_path = {seen.path: seen.fields for seen in endpoint.requests}
    assert by_path["/v1/audio/translations"] == {
        "model": ["small"],
        "response_format": ["verbose_json"],
        "temperature": ["0"],
        "prompt": ["Nova."],
    }
    assert "/v1/audio/transcriptions" in by_path
    assert [(one.language, one.text_language) for one in found] == [("fr", "en"), ("fr", "fr")]
    assert len(found[0].words) == 2


def test_an_endpoint_translates_only_if_the_settings_say_so(endpoint: Endpoint, remote: Remote) -> None:
    assert not remote(endpoint.url).translates
    assert remote(endpoint.url, translates=True).translates
