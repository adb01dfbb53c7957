"""The WebSocket protocols of other systems: what a session sends, and the texts in what it receives. Pure."""

import json
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from math import inf
from typing import Any, Protocol

from backend.load.score import LoadLedger
from backend.messages.jobs import SAMPLE_RATE
from backend.text.normalize import normalized_words
from tests.bench.peers.texts import LANGUAGE, PeerText

# Parsed messages with their arrival times, in seconds on the run's clock.
Received = Sequence[tuple[float, Mapping[str, Any]]]
# A text can be late by as many clips.
CLIPS_BEHIND = 4
# A final that ends the clip may lack as many words.
WORDS_LOST = 2


class Dialect(Protocol):
    """A protocol. `path` is that of the WebSocket, `opening` the message that a session begins with."""

    path: str
    opening: Mapping[str, Any]

    def is_ready(self, message: Mapping[str, Any]) -> bool:
        """Whether the server says that it takes audio."""
        ...

    def packet(self, frame: bytes) -> bytes:
        """A message with 16 kHz 16-bit samples."""
        ...

    def has_text(self, message: Mapping[str, Any]) -> bool:
        """Whether the message is needed for `texts`."""
        ...

    def texts(self, ledger: LoadLedger, received: Received) -> list[PeerText]:
        """The texts of a session, in order of arrival."""
        ...


class WhisperLiveDialect:
    """WhisperLive, with the defaults of its client. A segment is finished when it is marked as completed."""

    path = "/"
    opening: Mapping[str, Any] = {
        "uid": "nova",
        "language": LANGUAGE,
        "task": "transcribe",
        "model": "base",
        "use_vad": True,
        "send_last_n_segments": 10,
        "no_speech_thresh": 0.45,
        "clip_audio": False,
        "same_output_threshold": 10,
        "audio_format": "int16",
    }

    def is_ready(self, message: Mapping[str, Any]) -> bool:
        return message.get("message") == "SERVER_READY"

    def packet(self, frame: bytes) -> bytes:
        return frame

    def has_text(self, message: Mapping[str, Any]) -> bool:
        return "segments" in message

    def texts(self, ledger: LoadLedger, received: Received) -> list[PeerText]:
        # Each message repeats the last segments, with the same times once they are completed.
        known: set[tuple[str, str]] = set()
        texts = []
        for at, message in received:
            for segment in message["segments"]:
                times = segment["start"], segment["end"]
                if segment["completed"] and times in known:
                    continue
                known |= {times} if segment["completed"] else set()
                start, end = (round(float(time) * SAMPLE_RATE) for time in times)
                texts.append(PeerText(at, start, end, segment["text"].strip(), segment["completed"]))
        return texts


class RealtimeSttDialect:
    """The server for several users in RealtimeSTT's package.

    Its events do not say for which audio they are when recordings wait for their finals: the times are those of the
    newest recording. So a text belongs to the clip with which it has the most words in common.
    """

    path = "/ws/transcribe"
    opening: Mapping[str, Any] = {"type": "start"}

    def is_ready(self, message: Mapping[str, Any]) -> bool:
        return message.get("type") == "ready"

    def packet(self, frame: bytes) -> bytes:
        about = {"sampleRate": SAMPLE_RATE, "channels": 1, "format": "pcm_s16le", "frames": len(frame) // 2}
        metadata = json.dumps(about).encode()
        return struct.pack("<I", len(metadata)) + metadata + frame

    def has_text(self, message: Mapping[str, Any]) -> bool:
        return message.get("type") in ("realtime", "final")

    def texts(self, ledger: LoadLedger, received: Received) -> list[PeerText]:
        clips = _SpokenClips(ledger)
        placed = [clips.place(at, message["text"], message["type"] == "final") for at, message in received]
        return clips.ended(placed)


class _SpokenClips:
    """The clips of a session, to find those of texts that have no times."""

    def __init__(self, ledger: LoadLedger) -> None:
        self._speech = list(_speech(ledger))
        self._words = [normalized_words(placement.clip.text, LANGUAGE) for placement in ledger.monologue.placements]
        # When the first and the last samples of speech were sent.
        self._begun = [_sent(ledger, first) for first, _ in self._speech]
        self._ended = [_sent(ledger, last) for _, last in self._speech]
        # The clip of the last finished text.
        self._finished = 0

    def place(self, at: float, text: str, final: bool) -> PeerText:
        """Of clips that fit equally, a finished text belongs to the first that has none, and others to the last."""
        newest = max(1, bisect_right(self._begun, at)) - 1
        oldest = max(0, newest - CLIPS_BEHIND)
        clips = range(oldest, newest + 1)
        order = sorted(clips, key=lambda clip: (clip < self._finished, clip)) if final else list(reversed(clips))
        words = normalized_words(text, LANGUAGE)
        best = max(order, key=lambda clip: _in_common(words, self._words[clip]))
        self._finished = best if final else self._finished
        first, last = self._speech[best]
        end = (first + last) // 2 if final and not _reaches_end(words, self._words[best]) else last + 1
        return PeerText(at, first, end, text.strip(), final)

    def ended(self, texts: Sequence[PeerText]) -> list[PeerText]:
        """The texts, with the last final of a clip reaching its end even if its last words are missing."""
        ended = list(texts)
        for (first, last), sent in zip(self._speech, self._ended, strict=True):
            finals = [number for number, text in enumerate(ended) if text.final and text.start == first]
            if finals and ended[finals[-1]].at >= sent and all(ended[number].end <= last for number in finals):
                ended[finals[-1]] = replace(ended[finals[-1]], end=last + 1)
        return ended


def _speech(ledger: LoadLedger) -> Iterator[tuple[int, int]]:
    """The first and the last sample of speech of each clip."""
    for placement in ledger.monologue.placements:
        first = ledger.monologue.first_speech(placement.start)
        last = ledger.monologue.last_speech(placement.end)
        yield first if first is not None else placement.start, last if last is not None else placement.end - 1


def _sent(ledger: LoadLedger, sample: int) -> float:
    time = ledger.sent_time(sample)
    return inf if time is None else time


def _reaches_end(words: Sequence[str], spoken: Sequence[str]) -> bool:
    """Whether words end where a clip does: a clip with a long pause has several finals."""
    blocks = SequenceMatcher(None, words, spoken, autojunk=False).get_matching_blocks()
    after_last = [len(words) - block.a + block.b for block in blocks[:-1]][-1:]
    return not after_last or after_last[0] >= len(spoken) - WORDS_LOST


def _in_common(words: Sequence[str], others: Sequence[str]) -> int:
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)
