"""Where live speech comes from: a microphone, or a recording that plays in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.cli.files.media import BLOCK_MS, opened
from backend.errors import NovaError, SetupError
from backend.messages.jobs import SAMPLE_RATE

_HEARD_MS = 100
"""Of a block from the microphone."""
_WAITING = 600
"""Blocks that may wait for a slow server: a minute of speech."""


class OverrunError(NovaError):
    """The server has taken no audio for a minute."""

    code = "overrun"


@dataclass(frozen=True, slots=True)
class Source:
    """Speech as it happens, from the first `read` on."""

    sample_rate: int
    """Hz; the blocks are s16le mono."""
    read: Callable[[], Awaitable[bytes]]
    """The next block; empty at the end. Raises NovaError when the source fails."""


@contextmanager
def recording(path: Path) -> Iterator[Source]:
    """A file as if it were spoken now. Raises MediaError, also when its end is read."""
    with opened(path) as file:
        clock = asyncio.get_running_loop()
        due: float | None = None

        async def read() -> bytes:
            nonlocal due
            data = await asyncio.to_thread(file.read)
            due = (clock.time() if due is None else due) + BLOCK_MS / 1000  # a block is spoken when its end is
            await asyncio.sleep(due - clock.time())
            return data

        yield Source(SAMPLE_RATE, read)


@contextmanager
def microphone() -> Iterator[Source]:
    """The default microphone. Raises SetupError, saying what to do, when there is none or no way to hear it."""
    sound = _library()
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | NovaError] = asyncio.Queue(_WAITING)

    def put(item: bytes | NovaError) -> None:
        if waiting.full():
            waiting.get_nowait()
            item = OverrunError("the server has taken no audio for a minute")
        waiting.put_nowait(item)

    async def read() -> bytes:
        stream.start()
        item = await waiting.get()
        if isinstance(item, NovaError):
            raise item
        return item

    try:
        rate = _rate(sound)
        stream = sound.RawInputStream(
            samplerate=rate,
            channels=1,
            dtype="int16",
            blocksize=rate * _HEARD_MS // 1000,
            callback=lambda data, *_: loop.call_soon_threadsafe(put, bytes(data)),
        )
    except sound.PortAudioError as error:
        raise _none(error) from None
    try:
        yield Source(rate, read)
    finally:
        stream.close()


def device() -> str:
    """The default microphone's name. Raises SetupError, saying what to do, when there is none or no way to hear it."""
    sound = _library()
    try:
        return str(sound.query_devices(kind="input")["name"])
    except sound.PortAudioError as error:
        raise _none(error) from None


def _none(error: Exception) -> SetupError:
    return SetupError(f"no microphone can be opened ({error}): plug one in, or play a file with `nova mic --file`")


def _library() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise SetupError("no microphone without the package sounddevice: pip install 'nova-voice[mic]'") from None
    except OSError:
        raise SetupError(
            "no microphone without the library PortAudio: install libportaudio2 (Debian, Ubuntu) or portaudio "
            "(Fedora, Arch, Homebrew)"
        ) from None
    return sounddevice


def _rate(sound: Any) -> int:
    """16 kHz where the device can, else its own rate, which the server resamples."""
    try:
        sound.check_input_settings(samplerate=SAMPLE_RATE, channels=1, dtype="int16")
    except sound.PortAudioError:
        return int(sound.query_devices(kind="input")["default_samplerate"])
    return SAMPLE_RATE
