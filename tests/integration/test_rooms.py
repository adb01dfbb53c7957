"""Rooms in a real Redis: their owner, log, languages and links."""

import asyncio
import time
from typing import cast

import pytest
from redis.asyncio import Redis

from backend.messages.jobs import ChannelMessage
from backend.messages.protocol import Final, Partial, to_json
from backend.messages.rooms.captions import Caption
from backend.messages.rooms.links import MAX_LINK_S
from backend.service.settings import ServiceSettings
from backend.streams.names import shard_of
from backend.streams.rooms.links import MAX_LINKS, RoomLinks, TooManyLinksError, UnknownLinkError
from backend.streams.rooms.rooms import LANGUAGE_TTL_S, LIVE, NO_POSITION, PublishedCaption, RedisRooms, RoomTakenError
from backend.streams.session.redis_fanout import RedisFanout
from backend.streams.session.redis_sessions import RedisSessions
from gateway.apis.native.room_corrections import LineCorrection, correct_line
from gateway.rooms.publishing.publisher import RoomPublisher

ROOM, OWNER, OTHER, LINES = "talk", "0" * 12, "1" * 12, "a1"


class Clock:
    """Unix time that a test moves forward."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rooms(redis: Redis, clock: Clock) -> RedisRooms:
    return RedisRooms(redis, ServiceSettings(), clock)


def final(text: str, position: str = NO_POSITION) -> PublishedCaption:
    return PublishedCaption(position, Caption(line="a1-1", text=text, language="en", is_final=True))


def live(text: str) -> PublishedCaption:
    return PublishedCaption(LIVE, Caption(line="a1-1", text=text, language="en"))


async def logged(rooms: RedisRooms, cursor: str = "0-0") -> list[ChannelMessage]:
    return [message async for message in rooms.read_log(ROOM, cursor)]


async def texts(rooms: RedisRooms, cursor: str = "0-0") -> list[str]:
    return [message.event.text for message in await logged(rooms, cursor) if isinstance(message.event, Caption)]


async def test_a_room_belongs_to_the_key_that_first_used_it(rooms: RedisRooms) -> None:
    assert await rooms.owner(ROOM) is None
    await rooms.claim(ROOM, OWNER)
    await rooms.claim(ROOM, OWNER)
    assert await rooms.owner(ROOM) == OWNER
    for work in (rooms.claim(ROOM, OTHER), rooms.publish(ROOM, OTHER, LINES, [final("x")])):
        with pytest.raises(RoomTakenError):
            await work
    assert await texts(rooms) == []


async def test_only_finals_are_logged_and_the_log_is_read_from_a_cursor(rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [live("o"), final("one"), final("two")])
    assert await texts(rooms) == ["one", "two"]
    first = (await logged(rooms))[0].cursor
    assert first
    assert await texts(rooms, first) == ["two"]


async def test_a_session_that_repeats_its_captions_adds_nothing(rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [final("one", "9-0"), final("two", "10-0")])
    await rooms.publish(ROOM, OWNER, LINES, [final("one", "9-0"), final("two", "10-0"), final("three", "10-1")])
    assert await rooms.seen(ROOM, LINES) == "10-1"
    await rooms.publish(ROOM, OWNER, "other", [final("four", "2-0")])
    assert await texts(rooms) == ["one", "two", "three", "four"]


async def test_listeners_receive_all_captions_with_the_cursor_of_the_log(redis: Redis, rooms: RedisRooms) -> None:
    fanout = RedisFanout(redis, "test")
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(rooms.channel(ROOM)) as listener:
            await rooms.publish(ROOM, OWNER, LINES, [live("o"), final("one")])
            received = [await listener.next_event() for _ in range(2)]
        delivering.cancel()
    assert received[0] == ChannelMessage(None, live("o").caption)
    assert received[1:] == await logged(rooms)


async def test_languages_are_read_until_they_are_no_longer_renewed(rooms: RedisRooms, clock: Clock) -> None:
    assert await rooms.languages(ROOM) == ()
    await rooms.renew_languages(ROOM, ["es", "de"])
    await rooms.renew_languages("other", ["fr"])
    clock.now += LANGUAGE_TTL_S - 1
    assert await rooms.languages(ROOM) == ("de", "es")
    await rooms.renew_languages(ROOM, ["de"])
    await rooms.renew_languages(ROOM, [])
    clock.now += 2
    assert await rooms.languages(ROOM) == ("de",)


async def test_a_gateway_whose_clock_is_behind_ends_no_language(rooms: RedisRooms, clock: Clock) -> None:
    await rooms.renew_languages(ROOM, ["es"])
    clock.now -= 60
    await rooms.renew_languages(ROOM, ["es"])
    clock.now += 60 + LANGUAGE_TTL_S - 1
    assert await rooms.languages(ROOM) == ("es",)


async def test_everything_expires(redis: Redis, rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [final("one")])
    await rooms.renew_languages(ROOM, ["es"])
    await RoomLinks(redis, rooms).create(ROOM, OWNER, "", 60)
    lifetimes = {key: await redis.ttl(key) for key in await redis.keys("nova:*:room:*")}
    assert len(lifetimes) == 5
    assert all(0 < left_s <= 86_400 for left_s in lifetimes.values()), lifetimes
    await RoomLinks(redis, rooms).create(ROOM, OWNER, "", MAX_LINK_S)
    await rooms.publish(ROOM, OWNER, LINES, [final("one")])
    for part in ("state", "log", "links"):
        assert MAX_LINK_S - 60 < await redis.ttl(rooms.key(ROOM, part)) <= MAX_LINK_S


async def test_corrected_captions_replace_those_of_the_log(redis: Redis, rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [final("one"), final("secret"), final("three")])
    log = await logged(rooms)
    old = log[1].event
    assert isinstance(old, Caption)
    new = old.model_copy(update={"text": "two"})
    await rooms.correct(ROOM, new.model_copy(update={"is_correction": True}), {log[1].cursor or "": new})
    assert await texts(rooms) == ["one", "two", "three", "two"]
    assert [one.cursor for one in await logged(rooms)][:3] == [one.cursor for one in log]
    assert await texts(rooms, log[1].cursor or "") == ["three", "two"]
    for part in ("log", "corrected"):
        key = rooms.key(ROOM, part)
        stored = await redis.xrange(key) if part == "log" else await redis.hgetall(key)
        assert "secret" not in str(stored)
        assert 0 < await redis.ttl(key) <= 86_400


async def test_a_line_that_is_corrected_often_stays_in_the_log(rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [final("one")])
    for number in range(5):
        await correct_line(rooms, ROOM, "a1-1", LineCorrection(text=f"corrected {number}"))
    assert await texts(rooms) == ["corrected 4", "corrected 4"]
    await correct_line(rooms, ROOM, "a1-1", LineCorrection(text=""))
    assert await texts(rooms) == ["", ""]


async def test_a_resumed_session_publishes_what_its_room_has_missed(redis: Redis, rooms: RedisRooms) -> None:
    """A gateway was killed after it had sent finals to its client, and before it had published them."""
    settings = ServiceSettings()
    finals = [
        Final(utterance=n, text=f"{n}", language="en", confidence=1.0, start_ms=0, end_ms=1) for n in (1, 2, 3, 4)
    ]
    log = shard_of("s", settings.shards).log("s")
    cursors = [cast("bytes", await redis.xadd(log, {"e": to_json(event)})).decode() for event in finals]

    async def published(*events: Final, caught_up_to: str = "") -> None:
        publisher = RoomPublisher(rooms, ROOM, OWNER, "s")
        if caught_up_to:
            await publisher.catch_up(RedisSessions(redis, settings, "gateway"), caught_up_to)
        for event in events:
            publisher.publish(event)
        publisher.close()
        await publisher.run()

    with_cursors = [event.model_copy(update={"cursor": at}) for event, at in zip(finals, cursors, strict=True)]
    await published(with_cursors[0])
    # The client has three finals. The fourth follows as an event of the resumed session.
    await published(with_cursors[3], caught_up_to=cursors[2])
    assert await texts(rooms) == ["1", "2", "3", "4"]
    await published(*with_cursors, caught_up_to=cursors[3])
    assert await texts(rooms) == ["1", "2", "3", "4"]


async def test_text_from_before_a_session_was_shared_stays_private_when_redis_forgets_what_the_room_has(
    redis: Redis, rooms: RedisRooms
) -> None:
    settings, log = ServiceSettings(), shard_of("s", ServiceSettings().shards).log("s")
    private, shared = (
        Final(utterance=n, text=text, language="en", confidence=1.0, start_ms=0, end_ms=1)
        for n, text in ((1, "private"), (2, "shared"))
    )
    cursors = [cast("bytes", await redis.xadd(log, {"e": to_json(event)})).decode() for event in (private, shared)]
    publisher = RoomPublisher(rooms, ROOM, OWNER, "s")
    publisher.begin = cursors[0]
    await publisher.catch_up(RedisSessions(redis, settings, "gateway"), cursors[1])
    # The client may receive it again, too.
    publisher.publish(private.model_copy(update={"cursor": cursors[0]}))
    publisher.close()
    await publisher.run()
    assert await texts(rooms) == ["shared"]


async def test_what_a_room_has_is_remembered_as_long_as_the_room(redis: Redis, rooms: RedisRooms) -> None:
    await rooms.publish(ROOM, OWNER, LINES, [final("one", "9-0")])
    assert await redis.ttl(rooms.key(ROOM, f"seen:{LINES}")) == await redis.ttl(rooms.key(ROOM, "state"))


async def test_a_session_that_leaves_a_room_takes_its_unfinished_line_with_it(redis: Redis, rooms: RedisRooms) -> None:
    fanout = RedisFanout(redis, "test")
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(fanout.deliver_forever())
        async with fanout.listen(rooms.channel(ROOM)) as listener:
            publisher = RoomPublisher(rooms, ROOM, OWNER, "s")
            partial = {"committed": "one", "tentative": "", "language": "en", "start_ms": 0, "end_ms": 1}
            publisher.publish(Partial(utterance=1, revision=1, **partial))
            publisher.close()
            await publisher.run()
            received = [(await listener.next_event()).event for _ in range(2)]
        delivering.cancel()
    assert [(one.text, one.is_final) for one in received if isinstance(one, Caption)] == [("one", False), ("", False)]


async def test_a_session_that_was_not_published_at_first_repeats_nothing_of_it(rooms: RedisRooms) -> None:
    await rooms.claim(ROOM, OWNER)
    await rooms.skip(ROOM, LINES, "9-0")
    await rooms.publish(ROOM, OWNER, LINES, [final("before", "9-0"), final("after", "9-1")])
    assert await texts(rooms) == ["after"]


async def test_a_hold_shows_what_readers_have_seen_and_is_released_forward_only(rooms: RedisRooms) -> None:
    assert (await rooms.hold(ROOM)).hold_ms == 0
    await rooms.publish(ROOM, OWNER, LINES, [final("seen")])
    await rooms.set_hold(ROOM, 5_000)
    seen = (await logged(rooms))[0].cursor
    hold = await rooms.hold(ROOM)
    assert hold.hold_ms == 5_000
    assert not hold.wait_ms(seen or "", hold.now_ms)
    assert abs(hold.now_ms - 1_000 * time.time()) < 60_000
    await rooms.publish(ROOM, OWNER, LINES, [final("held")])
    await rooms.set_hold(ROOM, 9_000)
    held = (await logged(rooms))[1].cursor or ""
    hold = await rooms.hold(ROOM)
    assert hold.wait_ms(held, hold.now_ms)
    for cursor in (held, "1-0"):
        await rooms.release(ROOM, cursor)
        assert (await rooms.hold(ROOM)).released == held


async def test_a_longer_hold_hides_no_line_that_readers_have_seen(redis: Redis, rooms: RedisRooms) -> None:
    await rooms.set_hold(ROOM, 15_000)
    now_ms = (await rooms.hold(ROOM)).now_ms
    for ago_ms in (30_000, 0):
        await redis.xadd(rooms.key(ROOM, "log"), {"e": ""}, id=f"{now_ms - ago_ms}-0")
    await rooms.set_hold(ROOM, 60_000)
    hold = await rooms.hold(ROOM)
    waits = [bool(hold.wait_ms(f"{now_ms - ago_ms}-0", hold.now_ms)) for ago_ms in (30_000, 0)]
    assert waits == [False, True]
    # Nor do segments that players have.
    assert hold.visible_ms(hold.now_ms) >= now_ms - 15_001
    await rooms.set_hold(ROOM, 30_000)
    assert (await rooms.hold(ROOM)).released == hold.released


async def test_a_release_ends_at_the_last_caption_and_creates_no_room(redis: Redis, rooms: RedisRooms) -> None:
    await rooms.release("unknown", "5-0")
    assert await redis.keys("nova:*:room:*") == []
    await rooms.set_hold(ROOM, 5_000)
    await rooms.release(ROOM, "99999999999999-0")
    await rooms.publish(ROOM, OWNER, LINES, [final("held")])
    await rooms.release(ROOM, "99999999999999-0")
    assert (await rooms.hold(ROOM)).released == (await logged(rooms))[0].cursor
    await redis.persist(rooms.key(ROOM, "state"))
    await rooms.release(ROOM, "1-0")
    assert 0 < await redis.ttl(rooms.key(ROOM, "state")) <= 86_400


@pytest.fixture
def links(redis: Redis, rooms: RedisRooms, clock: Clock) -> RoomLinks:
    return RoomLinks(redis, rooms, clock)


async def test_a_link_is_found_by_its_token_in_its_room_only(links: RoomLinks) -> None:
    link, token = await links.create(ROOM, OWNER, "screen", 60)
    assert await links.find(ROOM, token) == link
    assert (link.name, link.expires - link.created) == ("screen", 60)
    wrong = f"{token[:-1]}{'0' if token[-1] != '0' else '1'}"
    for room, presented in (("other", token), (ROOM, wrong), (ROOM, ""), (ROOM, link.token_hash)):
        assert await links.find(room, presented) is None


async def test_links_expire_and_can_be_revoked(links: RoomLinks, clock: Clock) -> None:
    _, short = await links.create(ROOM, OWNER, "short", 60)
    link, token = await links.create(ROOM, OWNER, "long", 600)
    clock.now += 61
    assert await links.find(ROOM, short) is None
    assert [found.name for found in await links.all(ROOM)] == ["long"]
    await links.revoke(ROOM, link.id)
    assert await links.find(ROOM, token) is None
    with pytest.raises(UnknownLinkError):
        await links.revoke(ROOM, link.id)


async def test_only_the_owner_adds_links(links: RoomLinks) -> None:
    await links.create(ROOM, OWNER, "", 60)
    with pytest.raises(RoomTakenError):
        await links.create(ROOM, OTHER, "", 60)


async def test_the_number_of_links_is_limited(redis: Redis, rooms: RedisRooms) -> None:
    links = RoomLinks(redis, rooms)  # the script compares with the clock of Redis
    for _ in range(MAX_LINKS):
        await links.create(ROOM, OWNER, "", 60)
    with pytest.raises(TooManyLinksError):
        await links.create(ROOM, OWNER, "", 60)
    await links.revoke(ROOM, (await links.all(ROOM))[0].id)
    await links.create(ROOM, OWNER, "", 60)


async def test_redis_does_not_have_the_token(redis: Redis, rooms: RedisRooms, links: RoomLinks) -> None:
    _, token = await links.create(ROOM, OWNER, "", 60)
    stored = str(await redis.hgetall(rooms.key(ROOM, "links")))
    assert token.split("_")[-1] not in stored
