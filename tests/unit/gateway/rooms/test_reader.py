"""The queue of one reader of a room."""

import asyncio
from collections.abc import Callable

from gateway.connection.direct_writer import nothing
from gateway.rooms.lines.frames import CaptionFrame
from gateway.rooms.reader import MAX_STALL_S, RoomReader

FRAMES = [CaptionFrame("a-1", f"{n}-0", "{}") for n in range(1, 9)]


async def test_frames_arrive_in_order() -> None:
    reader = RoomReader()
    waiting = asyncio.ensure_future(reader.next_frames(5))
    await asyncio.sleep(0)
    for frame in FRAMES:
        reader.offer(frame)
    assert await waiting == FRAMES


async def test_a_wait_ends_without_frames() -> None:
    assert await RoomReader().next_frames(0.01) == []


async def test_a_slow_reader_is_disconnected_and_keeps_no_frames() -> None:
    reader = RoomReader(limit=3)
    for frame in FRAMES:
        reader.offer(frame)
    assert reader.ended == "too_slow"
    assert await reader.next_frames(5) == []


async def test_a_long_backlog_does_not_disconnect_the_reader() -> None:
    reader = RoomReader(limit=2)
    reader.begin_with(FRAMES)
    reader.offer(FRAMES[0])
    assert not reader.ended
    assert await reader.next_frames(5) == [*FRAMES, FRAMES[0]]


async def test_the_last_frames_are_delivered_before_the_end() -> None:
    reader = RoomReader()
    reader.offer(FRAMES[0])
    reader.end("revoked")
    reader.offer(FRAMES[1])
    assert await reader.next_frames(5) == FRAMES[:1]
    assert (await reader.next_frames(5), reader.ended) == ([], "revoked")


class MemoryConnection:
    """Implements `DirectWriter`. Like a transport, it stops accepting data after a write."""

    def __init__(self, room: int = 1_000) -> None:
        self.written: list[bytes] = []
        self.room, self.is_closed = room, False
        self.on_writable: Callable[[], None] = nothing
        self.on_lost: Callable[[], None] = nothing

    @property
    def can_write(self) -> bool:
        return len(self.written) < self.room

    def write_encoded(self, data: bytes) -> None:
        self.written.append(data)

    def read_by_client(self, count: int) -> None:
        self.room += count
        self.on_writable()


def cursor(frame: CaptionFrame) -> bytes:
    return (frame.cursor or frame.json).encode()


def live(line: str, text: str) -> CaptionFrame:
    return CaptionFrame(line, None, text)


def test_frames_are_written_directly_after_those_that_waited() -> None:
    reader, connection = RoomReader(), MemoryConnection()
    reader.begin_with(FRAMES[:2])
    reader.attach(connection, cursor)
    reader.offer(FRAMES[2])
    assert connection.written == [b"1-0", b"2-0", b"3-0"]
    assert not reader.has_frames


def test_a_connection_whose_client_does_not_read_gets_frames_when_it_reads_again() -> None:
    reader, connection = RoomReader(limit=3), MemoryConnection(room=1)
    reader.attach(connection, cursor)
    for frame in FRAMES[:4]:
        reader.offer(frame)
    assert connection.written == [b"1-0"]
    connection.read_by_client(2)
    assert (reader.ended, connection.written) == ("", [b"1-0", b"2-0", b"3-0"])
    for frame in FRAMES[4:7]:
        reader.offer(frame)
    assert (reader.ended, reader.detach()) == ("too_slow", [])


def test_speech_in_progress_that_waits_is_replaced_and_finals_are_not() -> None:
    reader, connection = RoomReader(), MemoryConnection(room=0)
    reader.attach(connection, cursor)
    final = CaptionFrame("a-9", "9-0", "{}")
    for frame in (live("a-8", "o"), live("a-9", "t"), live("a-8", "on"), FRAMES[0], live("a-9", "tw"), final):
        reader.offer(frame)
    connection.read_by_client(10)
    assert connection.written == [b"on", b"1-0", b"9-0"]


def test_a_reader_that_leaves_ends_and_a_detached_one_is_not_written_to() -> None:
    left, connection = RoomReader(), MemoryConnection()
    left.attach(connection, cursor)
    connection.on_lost()
    assert left.ended == "left"
    closed = MemoryConnection()
    closed.is_closed = True
    gone = RoomReader()
    gone.attach(closed, cursor)
    assert gone.ended == "left"
    detached, connection = RoomReader(), MemoryConnection(room=0)
    detached.attach(connection, cursor)
    detached.offer(FRAMES[0])
    assert detached.detach() == FRAMES[:1]
    connection.read_by_client(5)
    assert connection.written == []


def test_a_client_that_reads_nothing_is_disconnected_after_a_time() -> None:
    reader, connection = RoomReader(), MemoryConnection(room=0)
    reader.attach(connection, cursor)
    reader.end_if_stalled(0)
    reader.offer(FRAMES[0])
    reader.end_if_stalled(100)
    reader.end_if_stalled(100 + MAX_STALL_S)
    assert (reader.ended, reader.has_frames) == ("", True)
    connection.read_by_client(1)
    reader.offer(FRAMES[1])
    reader.end_if_stalled(101 + MAX_STALL_S)
    assert (reader.ended, reader.has_frames) == ("", True)
    reader.end_if_stalled(102 + 2 * MAX_STALL_S)
    assert (reader.ended, reader.has_frames) == ("too_slow", False)


async def test_a_reader_is_idle_until_a_frame_is_offered() -> None:
    reader = RoomReader()
    assert not await reader.wait_until_ended(0.01)
    assert reader.was_idle()
    reader.offer(FRAMES[0])
    assert not reader.was_idle()
    assert reader.was_idle()
    reader.end("draining")
    assert await reader.wait_until_ended(5)
