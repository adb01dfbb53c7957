"""The feeds of a room as a player requests them, on a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from backend.messages.rooms.captions import Caption
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.rooms.rooms import NO_POSITION, PublishedCaption
from gateway.apis.captions.live_segments import HOLD_MS, SEGMENT_MS
from gateway.apis.captions.routes import captions_router
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings

ROOM = "/v1/rooms/talk"


class Gateway:
    """A gateway whose clock a test moves forward."""

    def __init__(self, url: str, auth: str) -> None:
        self.services = GatewayServices.create(GatewaySettings(REDIS_URL=url, auth=auth))
        self.later_s, app = 0.0, FastAPI()
        app.include_router(captions_router(self.services, lambda: time.time() + self.later_s))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=30)

    async def publish(self, *captions: Caption, owner: str = "") -> None:
        await self.services.rooms.publish("talk", owner, "a", [PublishedCaption(NO_POSITION, one) for one in captions])


@asynccontextmanager
async def a_gateway(url: str, auth: str = "none") -> AsyncIterator[Gateway]:
    gateway = Gateway(url, auth)
    async with gateway.services.running(), gateway.client:
        yield gateway


def spoken(n: int, text: str, **more: object) -> Caption:
    usual = {"language": "en", "is_final": True, "start_ms": 0, "end_ms": 1_000}
    return Caption.model_validate({"line": f"a-{n}", "text": text, **usual, **more})


MORNING = spoken(1, "Good morning.", speaker="Anna", translate_to=("es",))
SPANISH = Caption(line="a-1", text="Buenos días.", language="es", is_translation=True, is_final=True)


async def test_the_finals_of_a_room_are_a_subtitle_file_and_a_text(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis_url) as gateway:
        empty = await gateway.client.get(f"{ROOM}/captions.vtt")
        assert (empty.status_code, empty.text) == (200, "WEBVTT\n")
        await gateway.publish(MORNING, SPANISH, spoken(2, "Thanks."))
        file = await gateway.client.get(f"{ROOM}/captions.vtt?language=es")
        assert file.headers["content-type"] == "text/vtt; charset=utf-8"
        assert file.headers["cache-control"] == "no-store"
        assert file.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Anna>Buenos días.</v>\n\n")
        assert file.text.endswith("Thanks.\n")
        text = await gateway.client.get(f"{ROOM}/captions.txt")
        assert (text.text, text.headers["content-type"]) == (
            "Anna: Good morning.\nThanks.\n",
            "text/plain; charset=utf-8",
        )
        # The request counts as a reader of the language, so that later speech is translated.
        assert await gateway.services.rooms.languages("talk") == ("es",)


async def test_a_player_follows_the_playlist_to_its_segments(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis_url) as gateway:
        assert "captions-" not in (await gateway.client.get(f"{ROOM}/captions.m3u8")).text
        await gateway.publish(MORNING, SPANISH)
        early = await gateway.client.get(f"{ROOM}/captions-0.vtt")
        assert (early.status_code, early.json()["code"]) == (404, "unknown_segment")
        gateway.later_s = (2 * SEGMENT_MS + HOLD_MS) / 1_000
        listed = await gateway.client.get(f"{ROOM}/captions.m3u8?language=es")
        assert listed.headers["content-type"] == "application/vnd.apple.mpegurl"
        first, second = [line for line in listed.text.splitlines() if not line.startswith("#")]
        assert (first, second) == ("captions-0.vtt?language=es", "captions-1.vtt?language=es")
        segments = [(await gateway.client.get(f"{ROOM}/{name}")).text for name in (first, second)]
        header = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n"
        assert segments == [f"{header}\n00:00:00.000 --> 00:00:01.500\n<v Anna>Buenos días.</v>\n", header]
        # The clock of a video that began 5 s before the first caption, which ended a second after it had begun.
        epoch = (await gateway.services.rooms.started_ms("talk") or 0) - 5_000
        moved = await gateway.client.get(f"{ROOM}/captions-1.vtt?epoch_ms={epoch}")
        assert "00:00:04.000 --> 00:00:05.500\n<v Anna>Good morning.</v>\n" in moved.text


async def test_lines_that_wait_for_a_moderator_are_in_no_feed(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis_url) as gateway:
        rooms = gateway.services.rooms
        await gateway.publish(MORNING)
        await rooms.set_hold("talk", 60_000)
        await gateway.publish(spoken(2, "Held."))
        for name in ("captions.txt", "captions.vtt"):
            text = (await gateway.client.get(f"{ROOM}/{name}")).text
            assert ("Good morning." in text, "Held." in text) == (True, False)
        gateway.later_s = (2 * SEGMENT_MS + HOLD_MS) / 1_000
        assert "captions-" not in (await gateway.client.get(f"{ROOM}/captions.m3u8")).text
        assert (await gateway.client.get(f"{ROOM}/captions-0.vtt")).status_code == 404
        gateway.later_s += 60
        assert "captions-1.vtt" in (await gateway.client.get(f"{ROOM}/captions.m3u8")).text
        assert "Held." in (await gateway.client.get(f"{ROOM}/captions-0.vtt")).text
        await rooms.set_hold("talk", 0)
        assert "Held." in (await gateway.client.get(f"{ROOM}/captions.txt")).text


async def test_a_link_reads_from_any_page_until_it_is_revoked(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis_url, "keys") as gateway:
        owner = (await ApiKeys(redis).create("ada", ("stream",), QuotaLimits())).split("_")[1]
        link, token = await gateway.services.room_links.create("talk", owner, "", 60)
        await gateway.publish(MORNING, owner=owner)
        query = {"token": token}
        for name in ("captions.vtt", "captions.txt", "captions.m3u8"):
            assert (await gateway.client.get(f"{ROOM}/{name}")).status_code == 401
            allowed = await gateway.client.get(f"{ROOM}/{name}", params=query)
            assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "*")
        following = asyncio.create_task(gateway.client.get(f"{ROOM}/captions.txt", params={**query, "follow": "1"}))
        await asyncio.sleep(0.5)
        await gateway.publish(spoken(2, "Thanks."), owner=owner)
        await gateway.services.room_links.revoke("talk", link.id)
        assert (await following).text == "Anna: Good morning.\nThanks.\n"
        assert (await gateway.client.get(f"{ROOM}/captions.vtt", params=query)).status_code == 401


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("captions.vtt?language=xx", 400, "unsupported_language"),
        ("captions.txt?follow=maybe", 400, "invalid_message"),
        ("captions.m3u8?epoch_ms=now", 400, "invalid_message"),
        ("captions-x.vtt", 400, "invalid_message"),
        ("captions.vtt?token=read_wrong", 401, "unauthorized"),
    ],
)
async def test_invalid_requests_are_refused(redis: Redis, redis_url: str, path: str, status: int, code: str) -> None:
    async with a_gateway(redis_url) as gateway:
        answer = await gateway.client.get(f"{ROOM}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_number_of_languages_is_limited(redis: Redis, redis_url: str) -> None:
    async with a_gateway(redis_url) as gateway:
        await gateway.services.rooms.renew_languages("talk", ["es", "fr", "de", "it", "pt", "pl", "cs", "nl"])
        refused = await gateway.client.get(f"{ROOM}/captions.m3u8?language=sv")
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_languages")
        assert (await gateway.client.get(f"{ROOM}/captions.m3u8?language=spa_Latn")).status_code == 200
