"""Clients that send no audio, or little, in pauses: utterances end nevertheless, on a real system."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from backend.local.discovery import stream_url
from backend.local.system import System
from backend.messages.protocol import Final, SpeechEnded, SpeechStarted, parse_server
from gateway.audio.arrivals import STALL_S
from stt_worker.recognizers.null import transcript
from tests.testkit.audio.containers import block, cluster, track, webm_head
from tests.testkit.audio.reference import segment

START, KEEPALIVE, STOP = '{"type": "start", "language": "en"}', '{"type": "keepalive"}', '{"type": "stop"}'
START_WEBM = '{"type": "start", "language": "en", "audio": {"encoding": "webm"}}'
RATE, FRAME_S, PAUSE_S = 16_000, 0.1, 6.0
# Time for the events to arrive on a busy machine.
SLACK_S = 1.5
# A frame, and when to send it, in seconds.
Timed = tuple[float, str | bytes]


@dataclass
class Listener:
    """Events of a connection with the times of their arrival, in seconds since the first frame was sent."""

    began: float = field(default_factory=time.monotonic)
    events: list[tuple[float, Any]] = field(default_factory=list)

    async def listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            self.events.append((time.monotonic() - self.began, parse_server(text)))

    def of(self, kind: type[Any]) -> list[tuple[float, Any]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]


async def play(system: System, start: str, frames: Iterable[Timed]) -> Listener:
    """Send frames at their times, then `stop`, and listen until `done`."""
    async with connect(stream_url(system.urls[0])) as socket:
        await socket.send(start)
        await socket.recv()
        listener = Listener()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.listen(socket))
            for at, frame in frames:
                await asyncio.sleep(max(0.0, listener.began + at - time.monotonic()))
                await socket.send(frame)
            await socket.send(STOP)
    return listener


def live(audio: bytes, from_s: float = 0.0) -> list[Timed]:
    """Frames of 16 kHz audio in real time."""
    size = round(2 * RATE * FRAME_S)
    return [(from_s + at / size * FRAME_S + FRAME_S, audio[at : at + size]) for at in range(0, len(audio), size)]


@pytest.fixture(scope="module")
def talk(sentence: NDArray[np.int16]) -> bytes:
    """Speech that ends in mid-word, a whole number of detector windows, in real recordings."""
    (_, end), *_ = segment(sentence).utterances
    return sentence[: (end - round(0.3 * RATE)) // 512 * 512].tobytes()


@pytest.mark.parametrize(("keepalive_s", "limit_s"), [(0.25, 1.6), (None, STALL_S + 0.5)])
async def test_an_utterance_of_raw_audio_ends_when_the_client_mutes(
    null_system: System, talk: bytes, keepalive_s: float | None, limit_s: float
) -> None:
    spoken_s = len(talk) / 2 / RATE
    mute = (
        [(spoken_s + at, KEEPALIVE) for at in np.arange(0.25, PAUSE_S, keepalive_s or PAUSE_S)] if keepalive_s else []
    )
    heard = await play(null_system, START, [*live(talk), *mute, *live(talk, spoken_s + PAUSE_S)])
    (first_at, first), (_, second) = heard.of(SpeechEnded)
    assert spoken_s + 0.6 <= first_at <= spoken_s + limit_s + SLACK_S
    assert heard.of(Final)[0][0] < spoken_s + PAUSE_S
    # The mute has no length in the session's audio, and every sample is in its place.
    audio = talk + talk
    for _, final in heard.of(Final):
        assert final.text == transcript(audio[32 * final.start_ms : 32 * final.end_ms])
    assert first.end_ms <= len(talk) / 32 < second.end_ms <= len(audio) / 32 + 32


async def test_a_stall_of_two_seconds_divides_no_sentence(null_system: System, talk: bytes) -> None:
    half = len(talk) // 4 * 2
    spoken_s = half / 2 / RATE
    heard = await play(null_system, START, [*live(talk[:half]), *live(talk[half:], spoken_s + 2.0)])
    expected = len(segment(np.frombuffer(talk, np.int16)).utterances)
    assert len(heard.of(SpeechStarted)) == expected


# --- Opus without the packets of silence


def dtx_frames(sentence: NDArray[np.int16]) -> tuple[list[Timed], float]:
    """A sentence, a long pause, and the sentence: of the pause, a recorder sends one packet in 400 ms.

    Returns the frames with their times, and the time of the second sentence.
    """
    second_s = len(sentence) / RATE + PAUSE_S
    pcm = np.concatenate([sentence, np.zeros(round(PAUSE_S * RATE), np.int16), sentence])
    codec = av.AudioCodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "s16"
    codec.open()
    frame = av.AudioFrame.from_ndarray(np.repeat(pcm, 3)[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = 48_000
    packets = [packet for part in _split(frame) for packet in codec.encode(part)] + codec.encode(None)
    head = webm_head(track(1, b"A_OPUS", bytes(codec.extradata or b"")))
    timed: list[Timed] = [(0.0, head)]
    for number, packet in enumerate(packets):
        at = number * 0.02
        in_pause = len(sentence) / RATE + 0.2 < at < second_s - 0.1
        if not in_pause or number % 20 == 0:
            timed.append((at + 0.02, cluster(block(1, bytes(packet)), ticks=round(at * 1000))))
    return timed, second_s


def _split(frame: av.AudioFrame) -> Iterable[av.AudioFrame]:
    fifo = av.AudioFifo()
    fifo.write(frame)
    return list(fifo.read_many(960, partial=True))


def assert_two_utterances(heard: Listener, end_s: float, second_s: float) -> None:
    ended_at, ended = heard.of(SpeechEnded)[0]
    _, started = heard.of(SpeechStarted)[1]
    assert end_s + 0.3 < ended_at < end_s + 1.1 + SLACK_S
    assert ended.end_ms / 1000 == pytest.approx(end_s, abs=0.35)
    assert started.start_ms / 1000 == pytest.approx(second_s, abs=0.5)
    assert len(heard.of(Final)) == 2


async def test_opus_without_packets_of_silence_ends_and_continues_at_its_timestamps(
    null_system: System, sentence: NDArray[np.int16]
) -> None:
    (first, end), *_ = segment(np.concatenate([sentence, np.zeros(RATE, np.int16)])).utterances
    frames, second_s = dtx_frames(sentence)
    assert_two_utterances(await play(null_system, START_WEBM, frames), end / RATE - 0.2, second_s + first / RATE)


async def test_a_recording_of_a_browser_without_packets_of_silence(null_system: System, shared_folder: Path) -> None:
    head, *clusters = _blocks(shared_folder / "cases" / "dtx-live.webm")
    heard = await play(null_system, START_WEBM, [head, *clusters])
    assert_two_utterances(heard, 4.06, 10.06)


def _blocks(path: Path) -> list[Timed]:
    """The packets of a file, each in a cluster of its own, at the times of their blocks."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        timed: list[Timed] = [(0.0, webm_head(track(1, b"A_OPUS", bytes(stream.codec_context.extradata or b""))))]
        for packet in container.demux(stream):
            if packet.pts is not None and packet.time_base is not None:
                ms = round(packet.pts * packet.time_base * 1000)
                timed.append((ms / 1000 + 0.02, cluster(block(1, bytes(packet)), ticks=ms)))
    return timed
