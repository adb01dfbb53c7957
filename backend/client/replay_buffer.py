"""The replay buffer: audio that no final covers yet, kept to be sent again after a lost connection. Pure.

        dropped: covered by a final        sent                 not sent yet
    |····································|────────────────────|──────────>|
    0                                 start_ms              `next_item`  end_ms

Internal positions are bytes from the session's first sample. Public positions are milliseconds of its audio.
"""

from backend.messages.options import SAMPLE_BYTES
from backend.messages.protocol import AudioFormat, Finalize, Stop

# An utterance has at most 25 s. The rest covers audio in the network and in the server's queues.
CAPACITY_MS = 60_000
BLOCK_MS = 250


class ReplayBuffer:
    """Up to one minute of audio, and the messages (`finalize`, `stop`) that belong at a position in it."""

    def __init__(self, audio: AudioFormat, from_ms: int = 0) -> None:
        self._rate = audio.sample_rate
        self._frame = audio.channels * SAMPLE_BYTES.get(audio.encoding, 1)
        self._kept = bytearray()
        # The beginning of a sample whose other bytes were not added yet.
        self._incomplete = b""
        self._messages: list[tuple[int, Finalize | Stop]] = []
        self._messages_sent = 0
        self._sent = self._bytes(from_ms)
        # The largest block in bytes that `next_item` returns and `add` accepts.
        self.block_bytes = self._bytes(BLOCK_MS)
        # Position of the oldest audio in the buffer.
        self.start_ms = from_ms

    @property
    def end_ms(self) -> int:
        """Position after the newest audio: the last whole millisecond that begins no later."""
        samples = self._end // self._frame
        return (samples * 1000 + 999) // self._rate

    @property
    def has_room(self) -> bool:
        """Whether a block can be added without dropping audio."""
        return len(self._kept) + self.block_bytes <= self._bytes(CAPACITY_MS)

    def add(self, audio: bytes) -> None:
        """Append audio of any length: a sample may be split. Beyond the capacity, the oldest audio is dropped."""
        audio = self._incomplete + audio
        whole = len(audio) - len(audio) % self._frame
        self._kept += audio[:whole]
        self._incomplete = audio[whole:]
        if (excess := len(self._kept) - self._bytes(CAPACITY_MS)) > 0:
            # Round up to whole milliseconds, because `start_ms` must stay exact.
            self.discard_before(self.start_ms - (-excess // self._frame * 1000 // self._rate))

    def add_message(self, message: Finalize | Stop) -> None:
        """Append a message that must follow the audio added so far."""
        self._messages.append((self._end, message))

    def discard_before(self, upto_ms: int) -> None:
        """Drop the audio and the messages before a position. They will not be sent again."""
        upto_ms = min(upto_ms, self.end_ms)
        if upto_ms <= self.start_ms:
            return
        del self._kept[: self._bytes(upto_ms) - self._start]
        self.start_ms = upto_ms
        dropped = sum(at < self._start for at, _ in self._messages)
        del self._messages[:dropped]
        self._messages_sent = max(self._messages_sent - dropped, 0)
        self._sent = max(self._sent, self._start)

    def rewind(self, from_ms: int) -> None:
        """Continue sending from a position. It is clamped to the audio in the buffer."""
        self._sent = self._bytes(min(max(from_ms, self.start_ms), self.end_ms))
        self._messages_sent = sum(at < self._sent for at, _ in self._messages)

    def next_item(self) -> bytes | Finalize | Stop | None:
        """Return the next block or message to send, and mark it as sent. None when everything has been sent."""
        upto, message = self._end, None
        if self._messages_sent < len(self._messages):
            upto, message = self._messages[self._messages_sent]
        if upto > self._sent:
            begin, self._sent = self._sent, min(upto, self._sent + self.block_bytes)
            return bytes(self._kept[begin - self._start : self._sent - self._start])
        self._messages_sent += message is not None
        return message

    def _bytes(self, at_ms: int) -> int:
        """Bytes of the whole samples before a position."""
        return at_ms * self._rate // 1000 * self._frame

    @property
    def _start(self) -> int:
        return self._bytes(self.start_ms)

    @property
    def _end(self) -> int:
        return self._start + len(self._kept)
