"""A recognizer without a model: its text is a checksum of the audio. To measure and to test all that is around a model.

Each 0.4 s of audio is one word, made from the CRC-32 of all samples up to there; behind a final stands the CRC-32 of
them all. So captions grow as they do with a model, and a client that compares a final with `transcript` of the samples
that it sent from `start_ms` to `end_ms` knows that nothing was lost, doubled, or mixed up with another session's.
"""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable, Sequence

from backend.messages.jobs import BYTES_PER_SECOND
from stt_worker.recognizers.recognizer import Hypothesis, Speech, TimedWord

WORD_S = 0.4
PROBABILITY = 0.99
_WORD_BYTES = round(WORD_S * BYTES_PER_SECOND)


class NullRecognizer:
    """Hears numbers; fulfils `Recognizer`."""

    model = "null"
    device = "cpu"
    compute_type = ""
    overlap = decoders = 1

    def __init__(self, cost: float = 0.0, base_s: float = 0.0, sleep: Callable[[float], None] = time.sleep) -> None:
        """Each batch takes `base_s` seconds and `cost` seconds for each second of audio in it."""
        self._cost, self._base_s, self._sleep = cost, base_s, sleep

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """One hypothesis for each, in order. Never fails."""
        pieces = [speech.pcm for speech in batch]
        if work_s := self._base_s + self._cost * sum(map(_seconds, pieces)):
            self._sleep(work_s)
        return [_hypothesis(speech, pcm) for speech, pcm in zip(batch, pieces, strict=True)]


def transcript(pcm: bytes) -> str:
    """What a final of this audio (s16le, 16 kHz, mono) says, when nothing had been promised before."""
    return " ".join([*_growing(pcm), checksum(pcm)])


def checksum(pcm: bytes) -> str:
    """The CRC-32 in 8 hexadecimal digits: the last word of a final."""
    return f"{zlib.crc32(pcm):08x}"


def _growing(pcm: bytes) -> list[str]:
    """One word for each whole 0.4 s. More audio changes none of them, it adds some."""
    words: list[str] = []
    crc = 0
    for start in range(0, len(pcm) - _WORD_BYTES + 1, _WORD_BYTES):
        crc = zlib.crc32(pcm[start : start + _WORD_BYTES], crc)
        # Letters carry more than digits do, so that no guard takes the text for a repetition.
        words.append(base64.b32encode(crc.to_bytes(4, "big"))[:5].decode().lower())
    return words


def _hypothesis(speech: Speech, pcm: bytes) -> Hypothesis:
    heard = [*_growing(pcm), checksum(pcm)] if speech.final else _growing(pcm)
    # A prefix that is not of this audio stays visible: whoever compares texts should find out.
    foreign = [] if " ".join(heard).startswith(speech.prefix) else speech.prefix.split()
    words = [TimedWord(f" {word}", 0.0, 0.0, PROBABILITY) for word in foreign]
    for i, word in enumerate(heard):
        start, end = i * WORD_S, min((i + 1) * WORD_S, _seconds(pcm))
        words.append(TimedWord(f" {word}", start, max(start, end), PROBABILITY))
    return Hypothesis(
        text="".join(word.text for word in words).strip(),
        language=speech.language or speech.heard or "en",
        language_probability=1.0,
        avg_logprob=PROBABILITY - 1.0,
        no_speech_probability=0.0,
        words=tuple(words) if speech.words else (),
    )


def _seconds(pcm: bytes) -> float:
    return len(pcm) / BYTES_PER_SECOND
