"""Messages that wait are limited, and a session that has ended leaves nothing for the next one."""

import asyncio

import msgpack
import pytest

from backend.errors import ProtocolError
from gateway.apis.ai_voice.inbox import MAX_BYTES, MAX_FRAMES, Inbox

START, END = msgpack.packb({"type": "start"}), msgpack.packb({"type": "end"})


async def test_messages_are_read_in_order_and_awaited() -> None:
    inbox = Inbox()
    inbox.put(START)
    reading = asyncio.gather(inbox.get(), inbox.get())
    await asyncio.sleep(0)
    inbox.put(END)
    assert list(await reading) == [START, END]


@pytest.mark.parametrize(("frame", "fit"), [(b"x", MAX_FRAMES), (bytes(MAX_BYTES // 4), 4)])
async def test_a_client_that_sends_too_much_gets_an_error_and_may_start_again(frame: bytes, fit: int) -> None:
    inbox = Inbox()
    for _ in range(fit + 1):
        inbox.put(frame)
    with pytest.raises(ProtocolError) as caught:
        await inbox.get()
    assert caught.value.code == "too_many_frames"
    assert not inbox.skip_to_start()
    inbox.put(START)
    assert await inbox.get() == START


async def test_what_belongs_to_an_ended_session_is_dropped() -> None:
    inbox = Inbox()
    for frame in (END, b"garbage", START, END):
        inbox.put(frame)
    assert inbox.skip_to_start()
    assert [await inbox.get(), await inbox.get()] == [START, END]


async def test_a_client_that_is_given_up_is_read_no_more() -> None:
    inbox = Inbox()
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.leave()
    inbox.put(START)
    assert await reading is None
    assert await inbox.get() is None
