"""The replay buffer loses and repeats no sample, whatever sequence of drops and reconnects occurs."""

from hypothesis import given
from hypothesis import strategies as st

from backend.client.replay_buffer import BLOCK_MS, CAPACITY_MS, ReplayBuffer
from backend.messages.options import SAMPLE_BYTES
from backend.messages.protocol import AudioFormat, Finalize, Stop

PHONE = AudioFormat(encoding="mulaw", sample_rate=8_000)
MS = 8  # bytes per millisecond of PHONE

FORMATS = st.builds(
    AudioFormat,
    encoding=st.sampled_from(sorted(SAMPLE_BYTES)),
    sample_rate=st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]),
    channels=st.sampled_from([1, 2]),
)


def frame(audio: AudioFormat) -> int:
    return SAMPLE_BYTES[audio.encoding] * audio.channels


def whole(audio: AudioFormat, ms: int) -> int:
    """Bytes of the whole samples before a position in milliseconds."""
    return ms * audio.sample_rate // 1000 * frame(audio)


class Server:
    """The audio that a server has received, joined by the position in `ready.audio_from_ms`."""

    def __init__(self, audio: AudioFormat, from_ms: int) -> None:
        self.audio, self.offset = audio, whole(audio, from_ms)
        self.received = bytearray()
        self.messages: list[tuple[int, Finalize | Stop]] = []

    @property
    def position_ms(self) -> int:
        end = self.offset + len(self.received)
        ms = end // frame(self.audio) * 1000 // self.audio.sample_rate
        return ms + 1 if whole(self.audio, ms + 1) <= end else ms

    def rewind(self, from_ms: int) -> None:
        """Discard what follows this position, as a server does when the connection is lost."""
        kept = whole(self.audio, from_ms) - self.offset
        del self.received[kept:]
        self.messages = [(at, message) for at, message in self.messages if at < kept]

    def receive(self, item: bytes | Finalize | Stop) -> None:
        if isinstance(item, bytes):
            self.received += item
        else:
            self.messages.append((len(self.received), item))


@given(data=st.data(), audio=FORMATS, from_ms=st.integers(0, 100_000))
def test_every_sample_arrives_once_and_in_order_however_often_the_connection_is_lost(
    data: st.DataObject, audio: AudioFormat, from_ms: int
) -> None:
    buffer, server = ReplayBuffer(audio, from_ms), Server(audio, from_ms)
    sent, messages = bytearray(), []
    for step in data.draw(st.lists(st.sampled_from(["add", "add_message", "send", "drop", "reconnect"]), max_size=40)):
        if step == "add":
            # A block may begin and end inside a sample.
            block = bytes((len(sent) + at) % 251 for at in range(data.draw(st.integers(0, buffer.block_bytes))))
            buffer.add(block)
            sent += block
        elif step == "add_message":
            buffer.add_message(Finalize())
            messages.append((len(sent) - len(sent) % frame(audio), Finalize()))
        elif step == "send":
            for _ in range(data.draw(st.integers(1, 4))):
                if (item := buffer.next_item()) is not None:
                    server.receive(item)
        elif step == "drop":
            buffer.discard_before(data.draw(st.integers(0, server.position_ms)))
        elif step == "reconnect":
            back_to = data.draw(st.integers(buffer.start_ms, max(buffer.start_ms, server.position_ms)))
            server.rewind(back_to)
            buffer.rewind(back_to)
    while (item := buffer.next_item()) is not None:
        server.receive(item)
    assert server.received == sent[: len(sent) - len(sent) % frame(audio)]
    assert server.messages == messages


@given(audio=FORMATS, blocks=st.integers(1, 600))
def test_the_buffer_keeps_the_newest_minute(audio: AudioFormat, blocks: int) -> None:
    buffer = ReplayBuffer(audio)
    for number in range(blocks):
        buffer.add(bytes([number % 251]) * buffer.block_bytes)
    assert buffer.end_ms - buffer.start_ms <= CAPACITY_MS + 1
    assert buffer.start_ms == 0 or buffer.end_ms - buffer.start_ms > CAPACITY_MS - BLOCK_MS
    buffer.rewind(0)
    kept = b"".join(iter(buffer.next_item, None))  # type: ignore[arg-type]
    expected = b"".join(bytes([number % 251]) * buffer.block_bytes for number in range(blocks))
    assert expected.endswith(kept)
    assert len(kept) == len(expected) - whole(audio, buffer.start_ms)


def test_the_buffer_has_room_until_a_block_would_drop_audio() -> None:
    buffer = ReplayBuffer(PHONE)
    while buffer.has_room:
        buffer.add(bytes(buffer.block_bytes))
    assert (buffer.start_ms, buffer.end_ms) == (0, CAPACITY_MS)
    buffer.discard_before(BLOCK_MS)
    assert buffer.has_room


def test_a_stop_is_always_sent_again_and_a_finalize_only_if_no_final_covers_its_position() -> None:
    buffer = ReplayBuffer(PHONE)
    buffer.add(bytes(100 * MS))
    buffer.add_message(Finalize())
    buffer.add(bytes(100 * MS))
    buffer.add_message(Stop())
    assert [buffer.next_item() for _ in range(5)] == [bytes(100 * MS), Finalize(), bytes(100 * MS), Stop(), None]
    buffer.discard_before(50)
    assert buffer.next_item() is None
    buffer.rewind(120)
    assert [buffer.next_item() for _ in range(3)] == [bytes(80 * MS), Stop(), None]
    buffer.discard_before(150)
    buffer.rewind(0)
    assert [buffer.next_item() for _ in range(3)] == [bytes(50 * MS), Stop(), None]


def test_audio_covered_by_a_final_is_not_sent() -> None:
    buffer = ReplayBuffer(PHONE)
    buffer.add(bytes(60 * MS) + b"x" * 40 * MS)
    buffer.add_message(Finalize())
    buffer.discard_before(60)
    assert [buffer.next_item() for _ in range(2)] == [b"x" * 40 * MS, Finalize()]


def test_dropping_beyond_the_end_drops_all_audio_and_nothing_later() -> None:
    buffer = ReplayBuffer(PHONE)
    buffer.add(bytes(100 * MS))
    buffer.discard_before(500)
    assert buffer.start_ms == buffer.end_ms == 100
    buffer.add(b"new")
    assert buffer.next_item() == b"new"
