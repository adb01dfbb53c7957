"""Compare word errors of telephone sound with the native protocol: `python -m tests.bench.telephone`.

Each clip is recognized as it is, at 16 kHz, and as telephone networks carry it: 8 kHz, mu-law. This sound comes through
the native protocol, and through the codec of each telephone system in the frames that `nova simulate-call` sends. The
sessions have no servers and no clock, so that the figures do not depend on the load of the machine. Equal samples have
equal text, and are recognized once.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from backend import models
from backend.audio.resampler import Samples
from backend.cli.calls.call_audio import call_audio, to_telephone
from backend.cli.calls.doors.dialects import (
    AeapDialect,
    AsteriskDialect,
    AudioSocketDialect,
    FreeSwitchDialect,
    TwilioDialect,
)
from backend.cli.calls.doors.door import CallDialect
from backend.engines.loading import Hardware
from backend.messages.protocol import AudioFormat, Start
from backend.text.edits import WordErrors
from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.apis.asterisk.codec import WebSocketChannelCodec
from gateway.apis.audiosocket.codec import AudioSocketCodec
from gateway.apis.freeswitch.codec import AudioForkCodec
from gateway.apis.twilio.codec import MediaStreamCodec
from gateway.audio.decoder import AudioInputDecoder
from gateway.calls.call_socket import CallCodec
from gateway.calls.parameters import CallParameters
from stt_worker.recognizers.recognizer import Recognizer
from stt_worker.recognizers.whisper import FasterWhisper
from tests.bench.latency import hard_clips
from tests.testkit import cli
from tests.testkit.audio.clips import Clip
from tests.testkit.models.offline_sessions import transcribe_all

WIDE, NARROW = "native, 16 kHz", "native, 8 kHz mu-law"
# Of each call, and in its URL for Asterisk.
PARAMETERS = {"language": "en"}
# A call may have this many points more word errors than the same sound through the native protocol.
MAX_DIFFERENCE = 0.5
# Recordings per progress line.
AT_ONCE = 8

# A session: its first message, and its audio as the gateway decodes it.
Sound = tuple[Start, Samples]


@dataclass(frozen=True, slots=True)
class Report:
    """One row for each way. `decoded` is the number of different recordings among all ways."""

    clips: int
    audio_s: float
    decoded: int
    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...]


def telephone_systems() -> dict[str, tuple[CallDialect, CallCodec]]:
    """The sender of each call, and its receiver."""
    chosen = CallParameters.parse(PARAMETERS)
    return {
        "Twilio": (TwilioDialect(1, "1", PARAMETERS), MediaStreamCodec("1", {})),
        "AudioSocket": (AudioSocketDialect(bytes(16)), AudioSocketCodec("1", chosen)),
        "Asterisk, WebSocket channel": (AsteriskDialect("1"), WebSocketChannelCodec("1", PARAMETERS)),
        "Asterisk, speech engine": (AeapDialect(PARAMETERS), SpeechEngineCodec("1", {})),
        "FreeSWITCH": (FreeSwitchDialect(1, PARAMETERS), AudioForkCodec("1", {})),
    }


def sounds_of(clip: Clip) -> dict[str, Sound]:
    """The sessions of a clip, by way."""
    wide, packets = clip.pcm(), [packet for (packet,) in call_audio([to_telephone(clip.pcm())]).packets()]
    native = Start(language="en", partials=False, audio=AudioFormat(encoding="mulaw", sample_rate=8_000))
    calls = {name: _received(*both, packets) for name, both in telephone_systems().items()}
    return {WIDE: (Start(language="en", partials=False), wide), NARROW: (native, _decoded(native, packets)), **calls}


def _received(dialect: CallDialect, codec: CallCodec, packets: Sequence[bytes]) -> Sound:
    """The session of a call, as the gateway opens it."""
    frames = [*dialect.opening(), *(frame for packet in packets for frame in dialect.media([packet]))]
    items = [item for frame in (*frames, *dialect.hang_up()) for item in codec.decode(frame)]
    (start,) = (item for item in items if isinstance(item, Start))
    return start, _decoded(start, [item for item in items if isinstance(item, bytes)])


def _decoded(start: Start, frames: Sequence[bytes]) -> Samples:
    decoder = AudioInputDecoder(start.audio)
    pieces = [samples for frame in frames for samples in decoder.decode(frame)]
    return np.concatenate([*pieces, decoder.flush()])


def texts_of(recognizer: Recognizer, sounds: Sequence[Mapping[str, Sound]], tell: cli.Progress) -> dict[bytes, str]:
    """The text of each recording, by its samples."""
    different = {samples.tobytes(): (start, samples) for some in sounds for start, samples in some.values()}
    texts: dict[bytes, str] = {}
    for keys in _parts(list(different)):
        starts = [different[key][0].model_copy(update={"audio": AudioFormat()}) for key in keys]
        sessions = transcribe_all(recognizer, [different[key][1] for key in keys], starts)
        texts |= {key: session.text for key, session in zip(keys, sessions, strict=True)}
        tell(f"{len(texts)} of {len(different)} recordings")
    return texts


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(keys), AT_ONCE):
        yield keys[at : at + AT_ONCE]


def rows(clips: Sequence[Clip], sounds: Sequence[Mapping[str, Sound]], texts: Mapping[bytes, str]) -> list[cli.Row]:
    """Word errors of each way, and the difference from both native ones, in points."""
    errors = {name: WordErrors("en") for name in sounds[0]}
    for clip, some in zip(clips, sounds, strict=True):
        for name, (_, samples) in some.items():
            errors[name].add(clip.text, texts[samples.tobytes()])
    return [
        {
            "way": name,
            "words": one.words,
            "errors": one.errors,
            "WER %": one.percent,
            "- 16 kHz": one.percent - errors[WIDE].percent,
            "- same sound": one.percent - errors[WIDE if name == WIDE else NARROW].percent,
        }
        for name, one in errors.items()
    ]


def too_many_errors(found: Sequence[cli.Row]) -> list[str]:
    """The ways that are worse than the native protocol."""
    return [
        f"{row['way']}: {row['- same sound']:.2f} points more than the native protocol"
        for row in found
        if float(row["- same sound"]) > MAX_DIFFERENCE
    ]


@click.command()
@cli.model_option("whisper-base")
@click.option("--clips", "count", default=0, help="Use only so many clips. 0: all.")
@cli.threads_option
@cli.json_option
def main(model: str, count: int, threads: int, json_file: Path | None) -> None:
    """Compare word error rates of telephone calls and of the native protocol."""
    cli.log_errors_only()
    with tempfile.TemporaryDirectory(prefix="nova-") as name:
        clips = hard_clips(Path(name))
        clips = clips[:: max(1, len(clips) // count)][:count] if count else clips
        path = models.fetch(model)
        recognizer = FasterWhisper(path, model=path.name, hardware=Hardware("cpu", threads=threads))
        sounds = [sounds_of(clip) for clip in clips]
        texts = texts_of(recognizer, sounds, cli.progress())
        found = rows(clips, sounds, texts)
        audio_s = sum(len(clip.pcm()) for clip in clips) / 16_000
    wrong = too_many_errors(found)
    report = Report(len(clips), audio_s, len(texts), tuple(found), tuple(wrong))
    text = f"{len(clips)} clips, {audio_s:.0f} s, {len(texts)} different recordings\n"
    cli.finish(report, cli.with_problems([text, cli.table(found)], wrong), json_file)


if __name__ == "__main__":
    main()
