"""Recordings on a real system: nothing is lost when processes are killed, and uploads stay on disk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.processes import Service
from backend.local.system import System, running
from backend.messages.protocol import Final
from backend.service.settings import ServiceSettings
from backend.streams.names import Shard
from backend.streams.redis.connection import connect
from stt_worker.recognizers.null import transcript
from tests.testkit.audio.clips import RATE, Clip
from tests.testkit.audio.media_files import encode
from tests.testkit.cli import silent
from tests.testkit.session import ClientLedger, speak
from tests.testkit.system.plans import system_plan
from tests.testkit.system.processes import resident_mb

pytestmark = pytest.mark.timeout(300)

# Seconds of work for each second of audio: a minute takes three seconds with one worker.
COST = "0.05"
RECORDING: dict[str, Any] = {"language": "en", "priority": "recording", "endpoint_ms": 600}
# A gateway may grow by this much while it receives an upload of any length, in MB.
MAX_GROWTH_MB = 64.0


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """Two gateways and two workers."""
    plan = system_plan(tmp_path, gateways=2, stt_workers=2, environment={"STT_NULL_COST": COST})
    async with running(plan, silent) as up:
        yield up


@pytest.fixture(scope="module")
def talk(speech_clips: list[Clip]) -> NDArray[np.int16]:
    """A minute and a half of speech, with pauses."""
    clips = [clip.pcm() for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    pieces = [piece for clip in clips * 20 for piece in (clip, np.zeros(RATE, np.int16))]
    return np.concatenate(pieces)[: 90 * RATE]


async def kill(service: Service) -> None:
    """Kill a process. It starts again."""
    assert service.process
    service.process.kill()
    await service.process.wait()


def check_complete(ledger: ClientLedger) -> None:
    """Each utterance has one final, in order, and its text is that of the audio which was sent."""
    assert ledger.utterances == list(range(1, len(ledger.utterances) + 1))
    assert len(ledger.utterances) > 5
    for final in ledger.received(Final):
        assert final.text == transcript(ledger.audio_of(final))


async def test_a_killed_worker_loses_no_part_of_a_recording(system: System, talk: NDArray[np.int16]) -> None:
    transcribing = asyncio.ensure_future(speak(system.urls[0], talk, **RECORDING))
    for turn in range(4):
        await asyncio.sleep(0.7)
        await kill(system.named(f"stt_worker-{1 + turn % 2}"))
    ledger = await transcribing
    check_complete(ledger)
    assert ledger.reconnects == 0


async def test_a_session_resumes_a_recording_after_its_gateway_was_killed(
    system: System, talk: NDArray[np.int16]
) -> None:
    transcribing = asyncio.ensure_future(speak(system.urls, talk, **RECORDING))
    await asyncio.sleep(1.5)
    await kill(system.named("gateway-1"))
    ledger = await transcribing
    check_complete(ledger)
    assert ledger.reconnects >= 1


async def test_an_uploaded_recording_is_complete_although_a_worker_is_killed(
    system: System, talk: NDArray[np.int16], tmp_path: Path
) -> None:
    file = encode(tmp_path / "talk.flac", talk)
    whole = await upload(system, file)
    transcribing = asyncio.ensure_future(upload(system, file))
    for number in (1, 2):
        await asyncio.sleep(0.7)
        await kill(system.named(f"stt_worker-{number}"))
    assert (await transcribing).json()["text"] == whole.json()["text"] != ""


async def test_the_client_of_an_upload_notices_that_its_gateway_was_killed(
    system: System, talk: NDArray[np.int16], tmp_path: Path
) -> None:
    uploading = asyncio.ensure_future(upload(system, encode(tmp_path / "talk.flac", talk)))
    await asyncio.sleep(1.5)
    await kill(system.named("gateway-1"))
    with pytest.raises(httpx.TransportError):
        await uploading


async def test_the_jobs_of_a_recording_use_a_stream_of_their_own(system: System, talk: NDArray[np.int16]) -> None:
    lengths = []
    async with connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis:
        transcribing = asyncio.ensure_future(speak(system.urls[0], talk, **RECORDING))
        while not transcribing.done():
            lengths.append([await redis.xlen(Shard(0).audio(kind)) for kind in ("recording", "final", "preview")])
            await asyncio.sleep(0.05)
    finals = (await transcribing).finals
    recordings, live, previews = (max(lengths) for lengths in zip(*lengths, strict=True))
    assert (live, previews) == (0, 0)
    assert 2 <= recordings <= 12 < len(finals) + 12, "at most GATEWAY_MAX_BACKLOG are in flight"


async def upload(system: System, file: Path) -> httpx.Response:
    """Upload a recording to the first gateway."""
    form = {"model": "whisper-1", "language": "en"}
    async with httpx.AsyncClient(timeout=200) as http:
        with file.open("rb") as opened:
            url = f"{system.urls[0]}/v1/audio/transcriptions"
            answer = await http.post(url, data=form, files={"file": opened})
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_gateway_does_not_keep_a_large_upload_in_memory(tmp_path: Path) -> None:
    size = 200 << 20
    async with running(system_plan(tmp_path), silent) as system:
        gateway = system.processes["gateway-1"]
        await upload(system, _silent_wav(tmp_path / "short.wav", 1 << 20))
        before = most = resident_mb(gateway)
        uploading = asyncio.ensure_future(upload(system, _silent_wav(tmp_path / "long.wav", size)))
        while not uploading.done():
            most = max(most, resident_mb(gateway))
            await asyncio.sleep(0.02)
        assert (await uploading).json()["text"] == ""
    print(f"before {before:.0f} MB, most {most:.0f} MB")
    assert most - before < MAX_GROWTH_MB


async def test_an_upload_of_unknown_length_ends_at_the_limit(tmp_path: Path) -> None:
    environment = {"GATEWAY_MAX_UPLOAD_BYTES": str(4 << 20)}

    async def endless_body() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)

    async with running(system_plan(tmp_path, environment=environment), silent) as system, httpx.AsyncClient() as http:
        before = resident_mb(system.processes["gateway-1"])
        # The gateway responds at the limit, and closes the connection of a client that still sends after 10 s. The
        # client may see the response or only the end.
        with contextlib.suppress(httpx.TransportError):
            async with asyncio.timeout(60):
                answer = await http.post(f"{system.urls[0]}/v1/listen", content=endless_body())
            assert answer.status_code == 413
        assert resident_mb(system.processes["gateway-1"]) - before < MAX_GROWTH_MB


def _silent_wav(file: Path, size: int) -> Path:
    """192 kHz, stereo, 32 bits per sample: two minutes in 200 MB. A file without speech takes the least time."""
    with file.open("wb") as opened:
        header = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        opened.write(header + np.array([1, 2], "<u2").tobytes() + np.array([192_000, 1_536_000], "<u4").tobytes())
        opened.write(np.array([8, 32], "<u2").tobytes() + b"data" + size.to_bytes(4, "little"))
        opened.truncate(44 + size)
    return file
