"""The queue of one reader of a room."""

import asyncio

from gateway.rooms.reader import RoomReader
from gateway.rooms.views import CaptionFrame

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
