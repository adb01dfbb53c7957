"""One recording through each protocol of a gateway: its text, and when its words arrive."""

import asyncio
import base64
import io
import json
import time
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from backend.text.writing_systems import join_texts
from tests.testkit.audio.clips import RATE

FRAME_S = 0.05
# Silence after the clip, longer than the endpoint.
ENDPOINT_MS, SILENCE_S = 600, 1.5
WAIT_S = 60.0

# This protocol has no message that ends a session. Its answer arrives after the events of all audio before it.
CLEAR = '{"type":"input_audio_buffer.clear"}'

Pcm = NDArray[np.int16]


@dataclass(slots=True)
class Take:
    """A clip through one protocol.

    `text_s`: first words. `committed_s`: first words that are not taken back. Both from the first sample. `final_s`:
    the last final, from the end of the clip, or of a recording from the request.
    """

    texts: list[str] = field(default_factory=list)
    text_s: float | None = None
    committed_s: float | None = None
    final_s: float = 0.0

    @property
    def text(self) -> str:
        return join_texts(self.texts)

    def saw_text(self, at_s: float, *, committed: bool) -> None:
        """Words have arrived."""
        self.text_s = at_s if self.text_s is None else self.text_s
        if committed and self.committed_s is None:
            self.committed_s = at_s


# Takes an event and its time from the first sample. Returns whether the session is over.
Handler = Callable[[dict[str, Any], float], bool]


async def _session(
    url: str, begin: Sequence[str], frames: Sequence[str | bytes], end: Sequence[str], handle: Handler
) -> None:
    """Send frames in real time, then the end, until the session is over."""
    async with connect(url, max_size=1 << 26) as socket:
        for opening in begin:
            await socket.send(opening)
        if begin:
            await socket.recv()
        began = time.monotonic()
        async with asyncio.timeout(len(frames) * FRAME_S + WAIT_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(_speak(socket, frames, end, began))
            async for message in socket:
                if handle(json.loads(message), time.monotonic() - began):
                    break


async def _speak(socket: ClientConnection, frames: Sequence[str | bytes], end: Sequence[str], began: float) -> None:
    for number, frame in enumerate(frames, 1):
        # A microphone has the frame when its last sample was recorded.
        await asyncio.sleep(began + number * FRAME_S - time.monotonic())
        await socket.send(frame)
    for closing in end:
        await socket.send(closing)


def _frames(pcm: Pcm, rate: int) -> list[bytes]:
    size = round(rate * FRAME_S)
    padded = np.concatenate([pcm, np.zeros(round(rate * SILENCE_S), np.int16)])
    return [padded[at : at + size].tobytes() for at in range(0, len(padded), size)]


async def native_take(url: str, pcm: Pcm, rate: int = RATE, **options: Any) -> Take:
    """Through the native protocol, live."""
    take, length_s = Take(), len(pcm) / rate

    def handle(event: dict[str, Any], at_s: float) -> bool:
        match event["type"]:
            case "partial" if event["committed"] or event["tentative"]:
                take.saw_text(at_s, committed=bool(event["committed"]))
            case "final":
                _finish(take, event["text"], at_s, length_s)
        return bool(event["type"] == "done")

    start = {"type": "start", "language": "en", "endpoint_ms": ENDPOINT_MS, "audio": {"sample_rate": rate}, **options}
    await _session(f"{url}/v1/stream", [json.dumps(start)], _frames(pcm, rate), ['{"type":"stop"}'], handle)
    return take


async def deepgram_take(url: str, pcm: Pcm, *, interim: bool = True) -> Take:
    """Through Deepgram's live API."""
    take, length_s = Take(), len(pcm) / RATE

    def handle(event: dict[str, Any], at_s: float) -> bool:
        text = event["channel"]["alternatives"][0]["transcript"] if event["type"] == "Results" else ""
        if text and not event["is_final"]:
            take.saw_text(at_s, committed=False)
        elif text:
            _finish(take, text, at_s, length_s)
        return bool(event["type"] == "Metadata")

    results = f"interim_results={str(interim).lower()}&endpointing={ENDPOINT_MS}"
    query = f"encoding=linear16&sample_rate={RATE}&language=en&{results}"
    await _session(f"{url}/v1/listen?{query}", [], _frames(pcm, RATE), ['{"type":"CloseStream"}'], handle)
    return take


async def realtime_take(url: str, pcm: Pcm, rate: int) -> Take:
    """Through OpenAI's Realtime API, with turn detection. Its audio has 24 kHz."""
    take, length_s, frames = Take(), len(pcm) / rate, _frames(pcm, rate)
    open_items, sent_all = 0, False

    def handle(event: dict[str, Any], at_s: float) -> bool:
        nonlocal open_items, sent_all
        kind = event["type"].rpartition(".")[2]
        match kind:
            case "speech_started":
                open_items += 1
            case "delta":
                take.saw_text(at_s, committed=True)
            case "completed":
                open_items -= 1
                _finish(take, event["transcript"], at_s, length_s)
            case "cleared":
                sent_all = True
        return sent_all and not open_items

    turns = {"type": "server_vad", "silence_duration_ms": ENDPOINT_MS}
    session = {"audio": {"input": {"transcription": {"language": "en"}, "turn_detection": turns}}}
    update = json.dumps({"type": "session.update", "session": {"type": "transcription", **session}})
    appends = [
        json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(frame).decode()}) for frame in frames
    ]
    await _session(f"{url}/v1/realtime?intent=transcription", [update], appends, [CLEAR], handle)
    return take


def _finish(take: Take, text: str, at_s: float, length_s: float) -> None:
    if text:
        take.saw_text(at_s, committed=True)
        take.texts.append(text)
        take.final_s = at_s - length_s


# --- recordings


def wav(pcm: Pcm) -> bytes:
    """The clip as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


async def native_file_take(url: str, pcm: Pcm, **options: Any) -> Take:
    """A recording through the native protocol, as fast as it is read. Workers process it as they do uploads."""
    take, data = Take(), pcm.tobytes()
    begin = time.monotonic()
    async with connect(f"{url}/v1/stream", max_size=1 << 26) as socket:
        start = {"type": "start", "language": "en", "partials": False, "priority": "recording", **options}
        await socket.send(json.dumps(start))
        for at in range(0, len(data), 65_536):
            await socket.send(data[at : at + 65_536])
        await socket.send('{"type":"stop"}')
        async for message in socket:
            event = json.loads(message)
            if event["type"] == "final":
                _finish(take, event["text"], time.monotonic() - begin, 0.0)
            if event["type"] == "done":
                break
    take.final_s = time.monotonic() - begin
    return take


async def openai_file_take(url: str, pcm: Pcm) -> Take:
    """Through OpenAI's transcriptions, as a stream of events."""
    take, file = Take(), wav(pcm)
    async with _client(url) as http:
        begin = time.monotonic()
        async for event in _events(http, file):
            if event["type"] == "transcript.text.delta":
                take.saw_text(time.monotonic() - begin, committed=True)
            elif event["type"] == "transcript.text.done":
                take.texts = [event["text"]]
        take.final_s = time.monotonic() - begin
    return take


def _client(url: str) -> httpx.AsyncClient:
    # Certificates are not needed, and loading them takes longer than a request.
    return httpx.AsyncClient(base_url=url, timeout=WAIT_S, verify=False, trust_env=False)


async def _events(http: httpx.AsyncClient, file: bytes) -> AsyncIterator[dict[str, Any]]:
    data = {"model": "whisper-1", "language": "en", "stream": "true"}
    files = {"file": ("a.wav", file)}
    async with http.stream("POST", "/v1/audio/transcriptions", data=data, files=files) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def deepgram_file_take(url: str, pcm: Pcm) -> Take:
    """Through Deepgram's API for recordings."""
    take, file = Take(), wav(pcm)
    async with _client(url) as http:
        begin = time.monotonic()
        response = await http.post("/v1/listen?language=en", content=file, headers={"Content-Type": "audio/wav"})
        take.final_s = time.monotonic() - begin
    response.raise_for_status()
    take.texts = [response.json()["results"]["channels"][0]["alternatives"][0]["transcript"]]
    return take
