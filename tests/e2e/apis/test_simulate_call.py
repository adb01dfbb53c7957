"""`nova simulate-call`: calls of real speech through a running system, refusals, and a gateway that dies."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.local.processes import free_port
from backend.local.system import System, running
from tests.conftest import run_in_thread
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.audio.media_files import encode, noise
from tests.testkit.cli import silent
from tests.testkit.servers.callback_server import CallbackServer, callback_server
from tests.testkit.system.command import NOVA, nova
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(240)
BARGE_IN_S = 0.8
MAX_ERROR_PERCENT = 30.0
LINE = re.compile(r"(\d+):(\d\d\.\d)-(\d+):(\d\d\.\d)  (caller|callee)  (.*)  \((\d+\.\d\d) s\)(?:  \[(.*)\])?")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A gateway that requires a key, and a recognizer that names what it gets."""
    environment = {**NO_LOAD_LIMIT, "GATEWAY_AUTH": "keys"}
    with run_in_thread(running(system_plan(tmp_path_factory.mktemp("calls"), environment=environment), silent)) as up:
        yield up


def barging_in(english: list[Clip]) -> tuple[str | Path, ...]:
    return (english[0].path, "--other", english[1].path, "--barge-in", str(BARGE_IN_S), "--language", "en")


def check_texts(english: list[Clip], texts: dict[str, str]) -> None:
    for speaker, clip in zip(("caller", "callee"), english, strict=True):
        print(speaker, round(error_percent(clip, texts[speaker]), 1), texts[speaker])
        assert error_percent(clip, texts[speaker]) <= MAX_ERROR_PERCENT


def test_a_call_of_two_speakers_is_printed_with_their_interruption_and_latencies(
    system: System, english: list[Clip]
) -> None:
    done = nova("simulate-call", *barging_in(english), "--server", system.urls[0], timeout_s=120)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    lines = [found for line in done.stdout.splitlines() if (found := LINE.fullmatch(line))]
    finals, interruptions, latency = done.stdout.splitlines()[len(lines) :]
    texts = {name: " ".join(line[6] for line in lines if line[5] == name) for name in ("caller", "callee")}
    check_texts(english, texts)
    [marked] = [line for line in lines if line[8]]
    # Positions of speech are whole packets of 20 ms, and the server may end an utterance in a pause before its end.
    overlap = re.fullmatch(r"interrupts caller, overlap (\d\.\d) s", marked[8])
    assert marked[5] == "callee"
    assert overlap
    assert float(overlap[1]) == pytest.approx(BARGE_IN_S, abs=0.2)
    counts = [sum(line[5] == name for line in lines) for name in ("caller", "callee")]
    assert (finals, interruptions) == (f"finals: caller {counts[0]}, callee {counts[1]}", "interruptions: 1")
    assert re.fullmatch(rf"latency: p50 \d+\.\d\d s, p95 \d+\.\d\d s \({len(lines)} finals\)", latency)
    # The endpoint is part of the latency, so a shorter one would be measured from the wrong moment.
    assert all(float(line[7]) > 0.3 for line in lines)


def test_the_native_protocol_gives_the_same_timeline_as_json(system: System, english: list[Clip]) -> None:
    options = ("--through", "native", "--json", "--server", system.urls[0])
    done = nova("simulate-call", *barging_in(english), *options, timeout_s=120)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    *finals, summary = map(json.loads, done.stdout.splitlines())
    texts = {name: " ".join(one["text"] for one in finals if one["speaker"] == name) for name in ("caller", "callee")}
    check_texts(english, texts)
    assert [one["interrupts"] for one in finals if one["interrupts"]] == ["caller"]
    assert (summary["type"], summary["interruptions"], summary["latency_count"]) == ("summary", 1, len(finals))


def test_a_call_of_one_speaker_with_noise(system: System, english: list[Clip], tmp_path: Path) -> None:
    hiss = encode(tmp_path / "hiss.wav", noise(3))
    options = ("--noise", hiss, "--snr", "15", "--language", "en", "--json", "--server", system.urls[0])
    done = nova("simulate-call", english[0].path, *options, timeout_s=120)
    assert done.returncode == 0, done.stderr
    *finals, summary = map(json.loads, done.stdout.splitlines())
    text = " ".join(final["text"] for final in finals)
    print(round(error_percent(english[0], text), 1), text)
    assert error_percent(english[0], text) <= MAX_ERROR_PERCENT
    assert summary["finals"] == {"caller": len(finals)}


def test_translations_follow_their_finals(system: System, speech_clips: list[Clip]) -> None:
    clip = shortest_clip(speech_clips, 2.0, "zh")
    options = ("--language", "zh", "--translate-to", "en", "--json", "--server", system.urls[0])
    done = nova("simulate-call", clip.path, *options, timeout_s=120)
    assert done.returncode == 0, done.stderr
    *lines, _ = map(json.loads, done.stdout.splitlines())
    finals = [line for line in lines if line["type"] == "final"]
    translations = [line for line in lines if line["type"] == "translation"]
    assert {one["utterance"] for one in translations} == {one["utterance"] for one in finals} != set()
    assert all(one["language"] == "en" and one["text"].isascii() for one in translations)


@pytest.mark.parametrize("through", ["asterisk", "aeap", "freeswitch"])
def test_other_telephone_systems_get_the_same_utterances(
    guarded: System, speech_clips: list[Clip], through: str
) -> None:
    clip = shortest_clip(speech_clips, 2.5)
    options = ("--json", "--server", guarded.urls[0], "--key", guarded.key, "--through", through)
    done = nova("simulate-call", clip.path, *options)
    assert done.returncode == 0, done.stderr
    *finals, summary = map(json.loads, done.stdout.splitlines())
    assert finals
    assert all(final["text"] and final["speaker"] == "caller" for final in finals)
    assert (summary["type"], summary["latency_count"]) == ("summary", len(finals))


def delivered(receiver: CallbackServer, calls: int) -> list[dict[str, Any]]:
    """The events at the webhook, once those of `calls` calls are complete."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        events = [json.loads(request.body) for request in receiver.requests]
        if sum(event["type"] == "call.ended" for event in events) == calls:
            return events
        time.sleep(0.1)
    raise AssertionError(f"{len(receiver.requests)} events have arrived, and not those of {calls} calls")


def test_audiosocket_and_a_signed_call_of_twilio_reach_the_webhook_as_well(
    speech_clips: list[Clip], tmp_path: Path
) -> None:
    clip, port = shortest_clip(speech_clips, 2.5), free_port()
    with callback_server() as receiver:
        environment = {
            **NO_LOAD_LIMIT,
            "GATEWAY_CALL_WEBHOOK": receiver.url("/calls"),
            "GATEWAY_AUDIOSOCKET_PORT": str(port),
            "GATEWAY_AUDIOSOCKET_OPTIONS": "events=socket",
            "GATEWAY_TWILIO_TOKEN": "token",
        }
        with run_in_thread(running(system_plan(tmp_path, environment=environment), silent)) as system:
            shared = ("simulate-call", clip.path, "--json", "--server", system.urls[0])
            audiosocket = nova(*shared, "--through", "audiosocket", "--audiosocket", f"127.0.0.1:{port}")
            signed = nova(*shared, "--twilio-token", "token")
            unsigned = nova(*shared, "--twilio-token", "another")
            assert (unsigned.returncode, unsigned.stdout) == (2, "")
            assert "not signed" in unsigned.stderr
            events = delivered(receiver, calls=2)
    for provider, done in (("audiosocket", audiosocket), ("twilio", signed)):
        assert done.returncode == 0, done.stderr
        *finals, _ = map(json.loads, done.stdout.splitlines())
        sent = [one for one in events if one["call"]["provider"] == provider and one["type"] == "call.final"]
        assert [one["text"] for one in sent] == [one["text"] for one in finals] != []


@pytest.mark.parametrize("through", ["twilio", "asterisk", "aeap", "freeswitch", "native"])
def test_a_wrong_key_is_refused(guarded: System, english: list[Clip], through: str) -> None:
    options = ("--server", guarded.urls[0], "--key", "nova_wrong", "--through", through)
    done = nova("simulate-call", english[0].path, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "key" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_that_do_not_fit_are_named(english: list[Clip], tmp_path: Path) -> None:
    path = english[0].path
    for arguments, message in (
        ((path, "--barge-in", "1"), "use --other FILE"),
        ((path, "--snr", "5"), "use --noise FILE"),
        ((path, "--other", path, "--barge-in", "100"), "the barge-in is longer than the speech of the first speaker"),
        ((tmp_path / "missing.wav",), "missing.wav cannot be read"),
        ((path, "--other", path, "--through", "aeap"), "--through aeap streams one speaker"),
        ((path, "--audiosocket", "here"), "give a host and a port"),
    ):
        done = nova("simulate-call", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr


def test_a_connection_that_ends_before_the_last_final_is_an_error(guarded: System, speech_clips: list[Clip]) -> None:
    clip = shortest_clip(speech_clips, 6.0)
    command = [*NOVA, "simulate-call", str(clip.path), "--server", guarded.urls[0], "--key", guarded.key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running_call:
        assert running_call.stderr
        assert "playing a call" in running_call.stderr.readline()
        gateway: Any = guarded.named("gateway-1").process
        gateway.kill()
        rest = running_call.stderr.read()
        assert running_call.wait(30) == 2
    assert "the connection was closed before the call's last final" in rest
