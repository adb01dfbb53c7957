"""Sources of live audio: the microphone, or a recording played in real time."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.cli.files.media.recording import BLOCK_MS, open_recording
from backend.errors import NovaError, SetupError
from backend.messages.jobs import SAMPLE_RATE

# Length of a block from the microphone.
_BLOCK_MS = 100
# Blocks that may wait for a slow server: one minute of audio.
_MAX_WAITING_BLOCKS = 600


class OverrunError(NovaError):
    """The server has not accepted audio for one minute."""

    code = "overrun"


@dataclass(frozen=True, slots=True)
class AudioSource:
    """Live audio, which begins with the first call of `read`.

    `sample_rate` is in Hz. `read` returns the next block (s16le, mono), empty at the end, and raises NovaError when the
    source fails.
    """

    sample_rate: int
    read: Callable[[], Awaitable[bytes]]


@contextmanager
def recording(path: Path) -> Iterator[AudioSource]:
    """Play a file in real time. Raises MediaError, also when the end of a truncated file is read."""
    with open_recording(path) as file:
        clock = asyncio.get_running_loop()
        due: float | None = None

        async def read() -> bytes:
            nonlocal due
            data = await asyncio.to_thread(file.read)
            due = (clock.time() if due is None else due) + BLOCK_MS / 1000  # a microphone delivers a block at its end
            await asyncio.sleep(due - clock.time())
            return data

        yield AudioSource(SAMPLE_RATE, read)


@contextmanager
def microphone() -> Iterator[AudioSource]:
    """Record from the default microphone. Raises SetupError with advice if that is not possible."""
    sounddevice = _import_sounddevice()
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | NovaError] = asyncio.Queue(_MAX_WAITING_BLOCKS)

    def put(item: bytes | NovaError) -> None:
        if waiting.full():
            waiting.get_nowait()
            item = OverrunError("the server has not accepted audio for one minute")
        waiting.put_nowait(item)

    async def read() -> bytes:
        stream.start()
        item = await waiting.get()
        if isinstance(item, NovaError):
            raise item
        return item

    try:
        rate = _sample_rate(sounddevice)
        stream = sounddevice.RawInputStream(
            samplerate=rate,
            channels=1,
            dtype="int16",
            blocksize=rate * _BLOCK_MS // 1000,
            callback=lambda data, *_: loop.call_soon_threadsafe(put, bytes(data)),
        )
    except sounddevice.PortAudioError as error:
        raise _no_microphone(error) from None
    try:
        yield AudioSource(rate, read)
    finally:
        stream.close()


def device_name() -> str:
    """The name of the default microphone. Raises SetupError with advice if there is none."""
    sounddevice = _import_sounddevice()
    try:
        return str(sounddevice.query_devices(kind="input")["name"])
    except sounddevice.PortAudioError as error:
        raise _no_microphone(error) from None


def _no_microphone(error: Exception) -> SetupError:
    return SetupError(f"the microphone cannot be opened ({error}): connect one, or play a file with `nova mic --file`")


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        # `pip` alone may belong to another environment than this command.
        install = f"{sys.executable} -m pip install 'nova-voice[mic]'"
        raise SetupError(f"the microphone needs the package sounddevice: {install}") from None
    except OSError:
        raise SetupError(
            "the microphone needs the library PortAudio: install libportaudio2 (Debian, Ubuntu) or portaudio "
            "(Fedora, Arch, Homebrew)"
        ) from None
    return sounddevice


def _sample_rate(sounddevice: Any) -> int:
    """16 kHz if the device supports it, else its default rate, which the server resamples."""
    try:
        sounddevice.check_input_settings(samplerate=SAMPLE_RATE, channels=1, dtype="int16")
    except sounddevice.PortAudioError:
        return int(sounddevice.query_devices(kind="input")["default_samplerate"])
    return SAMPLE_RATE
