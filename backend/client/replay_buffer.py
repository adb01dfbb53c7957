"""What a client keeps of a session's audio, so that it can send it again after a lost connection. Pure.

        dropped: a final covers it         sent                 to be sent
    |····································|────────────────────|──────────>|
    0                                 start_ms              `take`       end_ms

Positions are bytes from the session's first sample; to the outside they are milliseconds of its audio.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.messages.protocol import AudioFormat, Finalize, Stop

KEPT_MS = 60_000
"""An utterance has at most 25 s; the rest is for what lies in the network and in the server's queues."""
BLOCK_MS = 250

SAMPLE_BYTES: Mapping[str, int] = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}
"""Of the encodings that can be sent again from the middle; containers cannot."""


class ReplayBuffer:
    """The last minute of audio that no final covers, with the messages that have their place in it."""

    def __init__(self, audio: AudioFormat, from_ms: int = 0) -> None:
        self._rate = audio.sample_rate
        self._frame = audio.channels * SAMPLE_BYTES.get(audio.encoding, 1)
        self._kept = bytearray()
        self._marks: list[tuple[int, Finalize | Stop]] = []
        self._marks_taken = 0
        self._taken = self._bytes(from_ms)
        self.block = self._bytes(BLOCK_MS)
        """Bytes; `take` yields no more at once, and `add` is to be given no more."""
        self.start_ms = from_ms
        """Position of the oldest audio here."""

    @property
    def end_ms(self) -> int:
        """Position behind the newest audio: the last whole millisecond that begins no later."""
        samples = self._end // self._frame
        return (samples * 1000 + 999) // self._rate

    @property
    def has_room(self) -> bool:
        """Whether a block can be added and nothing must go for it."""
        return len(self._kept) + self.block <= self._bytes(KEPT_MS)

    def add(self, audio: bytes) -> None:
        """More audio, whole samples. Where over a minute is held, the oldest goes."""
        self._kept += audio
        if (excess := len(self._kept) - self._bytes(KEPT_MS)) > 0:
            self.settle(self.start_ms - (-excess // self._frame * 1000 // self._rate))

    def mark(self, message: Finalize | Stop) -> None:
        """A message that belongs behind the audio so far."""
        self._marks.append((self._end, message))

    def settle(self, upto_ms: int) -> None:
        """Drop what stands before a position: it will not be needed again."""
        upto_ms = min(upto_ms, self.end_ms)
        if upto_ms <= self.start_ms:
            return
        del self._kept[: self._bytes(upto_ms) - self._start]
        self.start_ms = upto_ms
        gone = sum(at < self._start for at, _ in self._marks)
        del self._marks[:gone]
        self._marks_taken = max(self._marks_taken - gone, 0)
        self._taken = max(self._taken, self._start)

    def rewind(self, from_ms: int) -> None:
        """Take from here on again; from the oldest there is where this is gone, from the newest where it is to come."""
        self._taken = self._bytes(min(max(from_ms, self.start_ms), self.end_ms))
        self._marks_taken = sum(at < self._taken for at, _ in self._marks)

    def take(self) -> bytes | Finalize | Stop | None:
        """What is to be sent next: a block of audio, or a message in its place; None when all has been taken."""
        upto, message = self._end, None
        if self._marks_taken < len(self._marks):
            upto, message = self._marks[self._marks_taken]
        if upto > self._taken:
            begin, self._taken = self._taken, min(upto, self._taken + self.block)
            return bytes(self._kept[begin - self._start : self._taken - self._start])
        self._marks_taken += message is not None
        return message

    def _bytes(self, at_ms: int) -> int:
        """The whole samples before a position."""
        return at_ms * self._rate // 1000 * self._frame

    @property
    def _start(self) -> int:
        return self._bytes(self.start_ms)

    @property
    def _end(self) -> int:
        return self._start + len(self._kept)
