"""The audio of a recording, as its session receives it."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from backend.cli.files.media.errors import MediaError, TruncatedAudioError
from backend.cli.files.media.recording import BLOCK_MS, open_recording
from backend.local.processes import wait_for
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Start
from gateway.apis.recordings import READ_BYTES, RecordingSocket
from tests.bench.support.door_takes import wav

TALK = np.arange(16_000 * 5, dtype=np.int16)


async def received(path: Path) -> tuple[list[bytes], MediaError | None]:
    """The audio frames between `start` and `stop`, and the problem of the recording."""
    with open_recording(path) as recording:
        socket = RecordingSocket(Start(), recording)
        frames: list[Any] = [await socket.receive() for _ in range(2)]
        while "bytes" in frames[-1]:
            frames.append(await socket.receive())
    assert "start" in frames[0]["text"]
    assert "stop" in frames[-1]["text"]
    return [frame["bytes"] for frame in frames[1:-1]], socket.problem


async def test_audio_is_read_two_seconds_at_a_time_after_the_first_block(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK))
    frames, problem = await received(path)
    assert b"".join(frames) == TALK.tobytes()
    assert len(frames[0]) == BYTES_PER_SECOND * BLOCK_MS // 1000
    assert all(READ_BYTES <= len(frame) < READ_BYTES + 16_000 for frame in frames[1:-1])
    assert len(frames) == 4
    assert problem is None


async def test_the_audio_before_a_damage_is_used_and_the_damage_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK)[:100_044])
    frames, problem = await received(path)
    assert b"".join(frames) == TALK.tobytes()[:100_000]
    assert isinstance(problem, TruncatedAudioError)


async def test_the_next_frame_is_read_while_the_session_processes_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK))
    with open_recording(path) as recording:
        socket = RecordingSocket(Start(), recording)
        await socket.receive()
        await socket.receive()
        await wait_for(lambda: asyncio.sleep(0, recording.position_s >= 2), "the next frame is not read", 10)
        socket.stop_reading()


def test_a_closed_recording_has_no_more_audio(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK))
    with open_recording(path) as recording:
        assert recording.read()
    assert recording.read() == b""


async def test_a_client_that_leaves_leaves_no_waiting_task(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK))
    with open_recording(path) as recording:
        session = asyncio.create_task(asyncio.sleep(60))
        others = asyncio.all_tasks()
        reading = asyncio.create_task(RecordingSocket(Start(), recording).next_event(session))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks() - others) == 2, "the reader, and the task that waits for an event"
        reading.cancel()
        await asyncio.wait({reading})
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == others
        session.cancel()
