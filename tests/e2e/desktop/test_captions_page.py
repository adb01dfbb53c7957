"""The captions page in a real browser: two languages, a phone, a streaming program, a lost gateway, a shared link."""

import asyncio
import re
from pathlib import Path

import pytest

from backend.local.system import running
from backend.messages.rooms.captions import Caption
from backend.service.settings import ServiceSettings
from backend.streams.redis.connection import connect
from backend.streams.rooms.rooms import LIVE, NO_POSITION, PublishedCaption, RedisRooms
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive_and_lose, silence, write
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(400)

ROOM = "talk"
ENGLISH, ARABIC = "Good morning, and welcome.", "صباح الخير وأهلا بكم."
NEXT_ENGLISH, NEXT_ARABIC = "Today we talk about", "نتحدث اليوم عن"


def final(line: int, text: str, language: str = "en", **more: object) -> PublishedCaption:
    fields = {"line": f"a-{line}", "text": text, "language": language, "is_final": True, **more}
    return PublishedCaption(NO_POSITION, Caption.model_validate(fields))


def live(line: int, text: str, language: str, *, is_translation: bool = False) -> PublishedCaption:
    return PublishedCaption(
        LIVE, Caption(line=f"a-{line}", text=text, language=language, is_translation=is_translation)
    )


FINALS = [final(1, ENGLISH, speaker="Anna", translate_to=("ar",)), final(1, ARABIC, "ar", is_translation=True)]


async def repeat_live(rooms: RedisRooms) -> None:
    """Publish speech in progress again and again: it is not stored, and a page that comes later gets it as well."""
    while True:
        captions = [live(2, NEXT_ENGLISH, "en"), live(2, NEXT_ARABIC, "ar", is_translation=True)]
        await rooms.publish(ROOM, "", "a", captions)
        await asyncio.sleep(0.2)


async def test_an_audience_reads_in_two_languages_and_after_a_loss(browser: str, artifacts: Path) -> None:
    quiet = artifacts / "captions.wav"
    write(silence(1.0), quiet)
    async with running(system_plan(artifacts / "logs-captions", environment=NO_LOAD_LIMIT), silent) as system:
        settings, gateway = ServiceSettings(REDIS_URL=system.redis_url), system.named("gateway-1")
        async with connect(settings) as redis, asyncio.TaskGroup() as tasks:
            rooms = RedisRooms(redis, settings)
            await rooms.publish(ROOM, "", "a", FINALS)
            speaking = tasks.create_task(repeat_live(rooms))
            assert gateway.process
            killed = gateway.process

            async def continue_after_the_loss() -> None:
                await killed.wait()
                speaking.cancel()
                await rooms.publish(ROOM, "", "a", [final(2, f"{NEXT_ENGLISH} rooms."), final(3, "Back again.")])

            tasks.create_task(continue_after_the_loss())
            report = await drive_and_lose(browser, "captions", system.urls[0], quiet, artifacts, gateway)
    assert report["violations"] == {}
    assert report["sideways"] == report["consoleErrors"] == report["referrers"] == []
    assert report["shown"] == [
        [ENGLISH, "en", "ltr", "true"],
        [ARABIC, "ar", "rtl", "true"],
        [f"{NEXT_ENGLISH}…", "en", "ltr", "false"],
        [f"{NEXT_ARABIC}…", "ar", "rtl", "false"],
    ]
    assert report["speakers"] == ["Anna"]
    assert report["announced"] == [f"Anna: {ENGLISH}"], "speech in progress is not read aloud"
    assert report["overlay"] == {"background": ["rgba(0, 0, 0, 0)"] * 2, "controls": 0}
    assert report["phone"] == {"shown": 1, "query": "?language=ar&size=48&lines=1"}
    assert report["states"] == ["lost", "open"]
    # Captions that came while the gateway was gone are there, and each line once.
    assert [text for text, *_ in report["after"]][:1] == [ENGLISH]
    assert [text for text, language, *_ in report["after"] if language == "en"][1:] == [
        f"{NEXT_ENGLISH} rooms.",
        "Back again.",
    ]
    assert report["shared"]["states"] == ["waiting", "link_ended"]
    assert re.fullmatch(rf"{system.urls[0]}/captions/[a-z0-9]{{20}}#token=read_\w+", report["shared"]["link"])
