"""A recognizer without a model, for tests and measurements: its text is a checksum of the audio.

Each 0.4 s of audio is one word, made from the CRC-32 of all samples so far; a final ends with the CRC-32 of all its
samples. Captions therefore grow as with a real model, and a client that compares a final with `transcript` of the
samples it sent from `start_ms` to `end_ms` detects lost, duplicated or mixed-up audio.
"""

import base64
import time
import zlib
from collections.abc import Callable, Collection, Sequence

from backend.messages.jobs import BYTES_PER_SECOND
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech

WORD_S = 0.4
PROBABILITY = 0.99
_WORD_BYTES = round(WORD_S * BYTES_PER_SECOND)


class NullRecognizer:
    """A `Recognizer` that returns checksums.

    Each batch takes `base_s` seconds, and `cost` seconds for each second of audio in it.
    """

    engine = model = "null"
    device = "cpu"
    compute_type = ""
    overlap = parallel_batches = 1
    languages: Collection[str] | None = None
    continues_drafts: bool = False
    translates: bool = True
    uses_prompts: bool = True
    uses_hotwords: bool = True
    measures_words: bool = True

    def __init__(self, cost: float = 0.0, base_s: float = 0.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cost, self._base_s, self._sleep = cost, base_s, sleep

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        pieces = [speech.pcm for speech in batch]
        if work_s := self._base_s + self._cost * sum(map(_seconds, pieces)):
            self._sleep(work_s)
        return [_hypothesis(speech, pcm) for speech, pcm in zip(batch, pieces, strict=True)]


def transcript(pcm: bytes) -> str:
    """Return the text of a final of this audio (s16le, 16 kHz, mono) without committed text."""
    return " ".join([*_growing_words(pcm), checksum(pcm)])


def checksum(pcm: bytes) -> str:
    """Return the last word of a final: the CRC-32 in 8 hexadecimal digits."""
    return f"{zlib.crc32(pcm):08x}"


def _growing_words(pcm: bytes) -> list[str]:
    """One word for each whole 0.4 s. More audio adds words and changes none."""
    words: list[str] = []
    crc = 0
    for start in range(0, len(pcm) - _WORD_BYTES + 1, _WORD_BYTES):
        crc = zlib.crc32(pcm[start : start + _WORD_BYTES], crc)
        # base32 letters have more entropy per character than hexadecimal digits, so no guard detects repetitive text.
        words.append(base64.b32encode(crc.to_bytes(4, "big"))[:5].decode().lower())
    return words


def _hypothesis(speech: Speech, pcm: bytes) -> Hypothesis:
    recognized = [*_growing_words(pcm), checksum(pcm)] if speech.final else _growing_words(pcm)
    # A prefix that does not belong to this audio stays in the text, so that a comparison of texts reveals it.
    foreign = [] if " ".join(recognized).startswith(speech.prefix) else speech.prefix.split()
    words = [RecognizedWord(f" {word}", 0.0, 0.0, PROBABILITY) for word in foreign]
    for i, word in enumerate(recognized):
        start, end = i * WORD_S, min((i + 1) * WORD_S, _seconds(pcm))
        words.append(RecognizedWord(f" {word}", start, max(start, end), PROBABILITY))
    language = speech.language or speech.last_language or "en"
    return Hypothesis(
        text="".join(word.text for word in words).strip(),
        language=language,
        language_probability=1.0,
        avg_logprob=PROBABILITY - 1.0,
        no_speech_probability=0.0,
        words=tuple(words) if speech.words else (),
        translated=speech.is_translated_from(language),  # the text is the same in every language
    )


def _seconds(pcm: bytes) -> float:
    return len(pcm) / BYTES_PER_SECOND
