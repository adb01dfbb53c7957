"""Two speakers on two channels, who speak at the same time: each is recognized alone, through every client."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.client.client import Client
from backend.local.discovery import stream_url
from backend.local.system import System
from backend.messages.protocol import AudioFormat, Final, Partial, ServerMessage, SpeechStarted, Start
from backend.text.edits import WordErrors
from tests.paths import FRONTEND
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.system.command import nova

pytestmark = pytest.mark.timeout(300)

STEREO = AudioFormat(channels=2)
FRAME = RATE // 10
# Word error rate of one channel. Whisper base alone has less than half of it on these clips.
MAX_ERROR_PERCENT = 25.0
Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def speakers(speech_clips: list[Clip]) -> list[Clip]:
    """Two English recordings."""
    several = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt" and len(clip.text) > 30]
    return sorted(several, key=lambda clip: len(clip.pcm()))[:2]


@pytest.fixture(scope="module")
def call(speakers: list[Clip]) -> Samples:
    """[n, 2]: the second speaker starts a second after the first one, who then still speaks."""
    first, second = (clip.pcm() for clip in speakers)
    both = np.zeros((RATE + max(len(first), len(second)) + 2 * RATE, 2), np.int16)
    both[: len(first), 0] = first
    both[RATE : RATE + len(second), 1] = second
    return both


def error_percent(clip: Clip, text: str) -> float:
    errors = WordErrors()
    errors.add(clip.text, text)
    return errors.percent


def text_of(events: list[Any], channel: int) -> str:
    return " ".join(event.text for event in events if isinstance(event, Final) and event.channel == channel)


async def converse(url: str, call: Samples, *, cut_after_s: float | None = None, **options: Any) -> list[ServerMessage]:
    """Send the call in real time, and return the events. The connection may be cut once."""
    events: list[ServerMessage] = []
    start = Start(audio=STEREO, multichannel=True, language="en", **options)
    async with Client.connect(stream_url(url), start) as client, asyncio.TaskGroup() as tasks:

        async def speak() -> None:
            for at in range(0, len(call), FRAME):
                await client.send(call[at : at + FRAME].astype("<i2").tobytes())
                await asyncio.sleep(FRAME / RATE)
                if cut_after_s is not None and at == round(cut_after_s * RATE):
                    client._socket.transport.abort()
            await client.stop()

        tasks.create_task(speak())
        async for event in client:
            events.append(event)
        assert client.reconnects == (cut_after_s is not None)
    return events


async def test_each_channel_gets_its_own_words(system: System, speakers: list[Clip], call: Samples) -> None:
    events = await converse(system.urls[0], call, channel_order="time")
    for channel, clip in enumerate(speakers):
        assert error_percent(clip, text_of(events, channel)) <= MAX_ERROR_PERCENT
    finals = [event for event in events if isinstance(event, Final)]
    assert [final.start_ms for final in finals] == sorted(final.start_ms for final in finals)
    for kind in (SpeechStarted, Partial):
        assert {event.channel for event in events if isinstance(event, kind)} == {0, 1}


async def test_a_lost_connection_loses_no_words_of_any_channel(
    system: System, speakers: list[Clip], call: Samples
) -> None:
    events = await converse(system.urls[0], call, cut_after_s=2.0)
    for channel, clip in enumerate(speakers):
        assert error_percent(clip, text_of(events, channel)) <= MAX_ERROR_PERCENT
        numbers = [event.utterance for event in events if isinstance(event, Final) and event.channel == channel]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_without_multichannel_the_channels_are_mixed(system: System, call: Samples) -> None:
    async with Client.connect(stream_url(system.urls[0]), Start(audio=STEREO, language="en")) as client:
        await client.send(call.astype("<i2").tobytes())
        await client.stop()
        events = [event async for event in client]
    assert {event.channel for event in events if isinstance(event, Final)} == {None}


def test_nova_transcribe_names_the_channels(
    system: System, speakers: list[Clip], call: Samples, tmp_path: Path
) -> None:
    file, server = encode(tmp_path / "call.flac", call), ("--server", system.urls[0])
    done = nova("transcribe", file, *server, "--language", "en", "--channels", timeout_s=200)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for number, clip in enumerate(speakers, 1):
        own = [line.partition(": ")[2] for line in lines if line.startswith(f"Channel {number}: ")]
        assert error_percent(clip, " ".join(own)) <= MAX_ERROR_PERCENT
    assert lines[0].startswith("Channel 1: ")
    done = nova("transcribe", file, *server, "--channels", "-f", "vtt", "-o", tmp_path / "out", timeout_s=200)
    assert done.returncode == 0, done.stderr
    cues = (tmp_path / "out" / "call.vtt").read_text().split("\n\n")[1:]
    assert {cue.split("\n")[1].partition(">")[0] for cue in cues} == {"<v Channel 1", "<v Channel 2"}


async def test_the_javascript_client_gets_both_channels(
    node: str, system: System, speakers: list[Clip], call: Samples, tmp_path: Path
) -> None:
    pcm = tmp_path / "call.pcm"
    pcm.write_bytes(call.astype("<i2").tobytes())
    process = await asyncio.create_subprocess_exec(
        *(node, "e2e/client.mjs", "--url", system.urls[0], "--pcm", str(pcm), "--language", "en", "--channels", "2"),
        cwd=FRONTEND,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()
    finals = [event for event in json.loads(output)["events"] if event["type"] == "final"]
    for channel, clip in enumerate(speakers):
        text = " ".join(final["text"] for final in finals if final["channel"] == channel)
        assert error_percent(clip, text) <= MAX_ERROR_PERCENT
    assert [final["start_ms"] for final in finals] == sorted(final["start_ms"] for final in finals)
