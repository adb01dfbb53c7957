"""Sessions that are shared while they are open, and rooms whose lines wait for a moderator, on a real system."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.client.client import Client
from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import AudioFormat, Configure, Error, Final, Start
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.rooms import marking_translator, reading
from tests.testkit.session import speak
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def system(artifacts: Path) -> Iterator[System]:
    plan = system_plan(artifacts / "shared-sessions", gateways=2, environment=NO_LOAD_LIMIT)
    with run_in_thread(running(plan, silent)) as up:
        yield up


async def say(client: Client, sentence: NDArray[np.int16]) -> Final:
    """Speak a sentence in an open session. Returns its final."""
    await client.send(np.concatenate([sentence, np.zeros(24_000, np.int16)]).tobytes())
    async for event in client:
        if isinstance(event, Final) and event.text:
            return event
    raise AssertionError("the session has ended")


async def test_a_session_in_progress_is_shared_and_unshared(system: System, sentence: NDArray[np.int16]) -> None:
    speaker, other = system.urls
    async with asyncio.timeout(120), Client.connect(stream_url(speaker), Start(language="en")) as client:
        before = await say(client, sentence)
        await client.send_message(Configure(room="shared"))
        async with reading(other, "shared") as reader:
            shared = await say(client, sentence[1_600:])
            # Speech before the session was shared is not for readers.
            assert await reader.wait_for_finals(1) == [shared.text]
            await client.send_message(Configure(room=""))
            private = await say(client, sentence[3_200:])
            assert len({before.text, shared.text, private.text}) == 3
            await client.send_message(Configure(room="shared"))
            again = await say(client, sentence)
            assert await reader.wait_for_finals(2) == [shared.text, again.text]
        async with reading(speaker, "shared", lines=1) as late:
            assert await late.wait_for_finals(1) == [again.text]
        await client.stop()


async def test_channels_are_speakers_of_a_room(system: System, sentence: NDArray[np.int16]) -> None:
    speaker, other = system.urls
    start = Start(language="en", audio=AudioFormat(channels=2), multichannel=True, room="channels")
    silent_while = np.zeros_like(sentence)
    turns = [(sentence, silent_while), (silent_while, sentence[1_600:].copy())]
    async with asyncio.timeout(120), reading(other, "channels") as reader:
        async with Client.connect(stream_url(speaker), start) as client:
            for left, right in turns:
                pause = np.zeros(24_000, np.int16)
                right = np.pad(right, (0, len(left) - len(right)))
                both = [np.concatenate([one, pause]) for one in (left, right)]
                await client.send(np.stack(both, axis=1).tobytes())
            await client.stop()
            finals = [event for event in [event async for event in client] if isinstance(event, Final) and event.text]
        await reader.wait_for_finals(2)
    read = {caption["speaker"]: caption["text"] for caption in reader.captions if caption["is_final"]}
    assert read == {str((final.channel or 0) + 1): final.text for final in finals}
    assert len(set(read.values())) == 2


async def test_a_session_that_cannot_be_shared_continues(system: System, sentence: NDArray[np.int16]) -> None:
    async with asyncio.timeout(60), Client.connect(stream_url(system.urls[0]), Start(language="en")) as client:
        await client.send_message(Configure.model_construct(room="No room"))
        async for event in client:
            if isinstance(event, Error):
                assert (event.code, event.fatal) == ("invalid_message", False)
                break
        assert (await say(client, sentence)).text
        await client.stop()


async def test_lines_wait_until_a_moderator_releases_or_corrects_them(
    system: System, sentence: NDArray[np.int16]
) -> None:
    speaker, other = system.urls
    async with (
        asyncio.timeout(120),
        httpx.AsyncClient(base_url=f"{other}/v1/rooms/held", timeout=20) as moderator,
        marking_translator(system.redis_url),
    ):
        link = (await moderator.post("/links")).raise_for_status().json()
        assert (await moderator.post("/hold", params={"hold_ms": 60_000})).json()["hold_ms"] == 60_000
        async with (
            reading(other, "held", held=1) as seen,
            reading(speaker, "held", token=link["token"]) as reader,
            reading(other, "held", lang="es") as spanish,
        ):
            texts = []
            for pcm in (sentence, sentence[1_600:], sentence[3_200:]):
                ledger = await speak(speaker, pcm, language="en", room="held")
                texts += [final.text for final in ledger.received(Final)]
            assert await seen.wait_for_finals(3) == texts
            assert (reader.captions, spanish.captions) == ([], [])
            first, second, third = (caption for caption in seen.captions if caption["is_final"])
            await moderator.post(f"/lines/{first['line']}", json={"text": "Corrected."})
            await moderator.post(f"/lines/{second['line']}", json={"text": ""})
            assert (await moderator.get(f"{speaker}/v1/rooms/held/captions.txt")).text == ""
            released = await moderator.post("/release", params={"cursor": second["cursor"]})
            assert released.json()["released"] == second["cursor"]
            assert await reader.wait_for_finals(2) == ["Corrected.", ""]
            await asyncio.sleep(0.5)
            assert third["text"] not in reader.finals
            await moderator.post("/hold", params={"hold_ms": 0})
            await reader.wait_for_finals(3)
            assert third["text"] in reader.finals
            assert texts[0] not in reader.finals
            assert texts[1] not in reader.finals
            while f"[es] {third['text']}" not in spanish.finals:
                await spanish.wait_for_finals(len(spanish.finals) + 1)
        for path, query in (("/hold", {"hold_ms": "60001"}), ("/hold", {}), ("/release", {"cursor": "now"})):
            refused = await moderator.post(path, params=query)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_message")
        for path, query in (("/events", {"held": "1"}), ("/hold", {})):
            refused = await moderator.get(path, params={**query, "token": link["token"]})
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_pages_of_every_origin_read_events_with_a_link(system: System) -> None:
    url = f"{system.urls[0]}/v1/rooms/open"
    async with httpx.AsyncClient() as owner:
        link = (await owner.post(f"{url}/links")).json()
    async with httpx.AsyncClient(headers={"Origin": "https://elsewhere.example"}, timeout=20) as client:
        async with client.stream("GET", f"{url}/events", params={"token": link["token"]}) as answer:
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        refused = await client.get(f"{url}/events")
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)
