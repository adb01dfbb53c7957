"""Reads the recordings of a call."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from backend.audio.resampler import Samples
from backend.cli.calls.call_audio import CallAudio, answered, call_audio, to_telephone, with_noise
from backend.cli.files.media.errors import DamagedAudioError, TooManyChannelsError, TruncatedAudioError
from backend.cli.files.media.recording import Recording, open_recording
from backend.local.discovery import print_status

T = TypeVar("T")

MAX_SPEAKERS = 2


@dataclass(frozen=True, slots=True)
class CallFiles:
    """The recordings of a call. With `other`, the channels of each file are mixed to one speaker."""

    file: Path
    other: Path | None = None
    noise: Path | None = None


def read_call(files: CallFiles, barge_in_s: float | None, snr_db: float) -> CallAudio:
    """The sound of a call. Raises MediaError, and UsageError if the recordings do not fit the options."""
    first = read_speakers(files.file, separate=files.other is None)
    if files.other:
        [second] = read_speakers(files.other)
        first = _fitting("--other", lambda: _reply(first[0], second, barge_in_s))
    call = call_audio(first)
    if files.noise is None:
        return call
    [noise] = read_speakers(files.noise)
    return _fitting("--noise", lambda: with_noise(call, noise, snr_db))


def read_speakers(path: Path, *, separate: bool = False) -> list[Samples]:
    """The channels of a recording at 8 kHz; without `separate`, mixed to one. Raises MediaError."""
    with open_recording(path, separate=separate) as recording:
        if recording.channels > MAX_SPEAKERS:
            raise TooManyChannelsError(f"{path} has {recording.channels} channels: a call has one or two")
        pcm = np.frombuffer(_read(recording), "<i2").reshape(-1, recording.channels)
        return [to_telephone(np.ascontiguousarray(pcm[:, number])) for number in range(recording.channels)]


def _read(recording: Recording) -> bytes:
    """All blocks. A damaged recording is used as far as it can be read."""
    pcm = bytearray()
    try:
        while block := recording.read():
            pcm += block
    except (DamagedAudioError, TruncatedAudioError) as error:
        if not pcm:
            raise
        print_status(f"{error.message} ({error.code})")
    return bytes(pcm)


def _reply(first: Samples, second: Samples, barge_in_s: float | None) -> list[Samples]:
    return answered(first, second) if barge_in_s is None else answered(first, second, -barge_in_s)


def _fitting(option: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
