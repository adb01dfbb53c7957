"""Rooms on a real system with two gateways: readers, their languages, links, and the translations that they cause."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import websockets
from numpy.typing import NDArray

from backend.local.system import System, running
from backend.messages.protocol import Final, Translation
from backend.messages.rooms.captions import MAX_CORRECTION, Caption
from backend.service.settings import ServiceSettings
from backend.streams.access.api_keys import SCOPES, ApiKeys, QuotaLimits
from backend.streams.redis.connection import connect
from backend.streams.rooms.links import RoomLinks
from backend.streams.rooms.rooms import LANGUAGE_TTL_S, NO_POSITION, PublishedCaption, RedisRooms
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.rooms import marking_translator, reading
from tests.testkit.session import speak
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def system(artifacts: Path) -> Iterator[System]:
    with run_in_thread(running(system_plan(artifacts / "rooms", gateways=2, environment=NO_LOAD_LIMIT), silent)) as up:
        yield up


async def test_readers_on_another_gateway_read_in_their_own_language(
    system: System, sentence: NDArray[np.int16]
) -> None:
    speaker, other = system.urls
    async with (
        marking_translator(system.redis_url),
        reading(other, "talk") as spoken,
        reading(other, "talk", lang="es") as spanish,
        reading(speaker, "talk", lang="de") as german,
    ):
        ledger = await speak(speaker, sentence, speed=1, silence_s=1, language="en", room="talk", translate_to=["fr"])
        (text,) = await spoken.wait_for_finals(1)
        assert await spanish.wait_for_finals(1) == [f"[es] {text}"]
        assert await german.wait_for_finals(1) == [f"[de] {text}"]
    (final,) = ledger.received(Final)
    assert final.text == text
    # The client of the speaker gets what it asked for, and nothing else.
    assert final.translate_to == ("fr",)
    assert {event.language for event in ledger.received(Translation)} <= {"fr"}
    assert ledger.final_translations == [(1, "fr")]
    # Readers see speech in progress, too.
    assert any(not caption["is_final"] for caption in spoken.captions)


async def test_late_readers_get_the_last_lines_and_lost_readers_the_rest(
    system: System, sentence: NDArray[np.int16]
) -> None:
    texts = []
    for pcm in (sentence, sentence[1_600:], sentence[3_200:]):
        ledger = await speak(system.urls[0], pcm, language="en", room="late")
        texts += [final.text for final in ledger.received(Final)]
    assert len(set(texts)) == 3
    async with reading(system.urls[1], "late", lines=2) as late:
        assert await late.wait_for_finals(2) == texts[1:]
    async with reading(system.urls[1], "late", lines=0) as none, reading(system.urls[0], "late") as everything:
        assert await everything.wait_for_finals(3) == texts
        first = everything.captions[0]["cursor"]
        # A browser that connects again sends the last id, to any gateway.
        for url in system.urls:
            async with reading(url, "late", {"Last-Event-ID": first}) as resumed:
                assert await resumed.wait_for_finals(2) == texts[1:]
            async with reading(url, "late", cursor=everything.captions[-1]["cursor"]) as complete:
                await asyncio.sleep(0.2)
                assert complete.captions == []
        assert none.captions == []


async def test_a_language_is_translated_while_it_is_read(system: System, sentence: NDArray[np.int16]) -> None:
    speaker, other = system.urls
    async with connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis, marking_translator(system.redis_url):
        rooms = RedisRooms(redis, ServiceSettings())

        async def translated() -> set[str]:
            """The languages into which the next utterance is translated."""
            await speak(speaker, sentence, speed=4, language="en", room="switch")
            log = [message.event async for message in rooms.read_log("switch")]
            return set(next(e.translate_to for e in reversed(log) if isinstance(e, Caption) and not e.is_translation))

        assert await translated() == set()
        async with reading(other, "switch", lang="es"):
            assert await translated() == {"es"}
            async with (
                reading(speaker, "switch", lang="spa_Latn", lines=0) as same,
                reading(other, "switch", lang="fr"),
            ):
                assert await translated() == {"es", "fr"}
                assert (await same.wait_for_finals(1))[0].startswith("[es]")
        await asyncio.sleep(LANGUAGE_TTL_S + 1)
        assert await rooms.languages("switch") == ()
        assert await translated() == set()


UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def stalled_reader(url: str, path: str, head: str = "") -> socket.socket:
    """A reader that sends a request, and reads nothing of the response."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((parts.hostname, parts.port))
    connection.sendall(f"GET /v1/rooms/{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n".encode())
    return connection


async def test_a_slow_reader_is_disconnected_and_slows_no_other(system: System) -> None:
    count, size = 2_000, 8_000
    async with connect(ServiceSettings(REDIS_URL=system.redis_url)) as redis:
        rooms = RedisRooms(redis, ServiceSettings())
        with (
            stalled_reader(system.urls[0], "slow/events") as stalled,
            stalled_reader(system.urls[0], "slow", UPGRADE) as stalled_socket,
        ):
            async with reading(system.urls[0], "slow") as fast:
                await asyncio.sleep(0.5)
                for first in range(0, count, 20):
                    captions = [
                        PublishedCaption(
                            NO_POSITION,
                            Caption(line=f"a-{n}", text=f"{n} ".ljust(size, "x"), language="en", is_final=True),
                        )
                        for n in range(first, first + 20)
                    ]
                    await rooms.publish("slow", "", "a", captions)
                    await fast.wait_for_finals(first + 20)
                numbers = [int(text.split()[0]) for text in fast.finals]
                assert numbers == list(range(count))
                received_frames = await asyncio.to_thread(_read_all, stalled_socket)
                received = await asyncio.to_thread(_read_all, stalled)
    # A close frame: the opcode, the length, and 1013.
    assert b"\x88\x0a\x03\xf5too_slow" in received_frames
    assert len(received_frames) < count * size
    assert b'event: end\ndata: {"reason":"too_slow"}' in received
    assert len(received) < count * size


def _read_all(connection: socket.socket) -> bytes:
    connection.settimeout(10)
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
        if b"0\r\n\r\n" in part[-8:]:
            break
    return b"".join(parts)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/rooms/talk/events?lang=xx", 400, "unsupported_language"),
        ("/v1/rooms/talk/events?lines=101", 400, "invalid_message"),
        ("/v1/rooms/talk/events?cursor=1", 400, "invalid_message"),
        ("/v1/rooms/Talk!/events", 400, "invalid_message"),
        ("/v1/rooms/talk/events?token=read_wrong", 401, "unauthorized"),
    ],
)
def test_invalid_requests_are_refused(system: System, path: str, status: int, code: str) -> None:
    answer = httpx.get(f"{system.urls[0]}{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_number_of_languages_is_limited(system: System) -> None:
    async with asyncio.TaskGroup() as tasks:
        stop = asyncio.Event()
        ready = asyncio.Semaphore(0)

        async def hold(code: str) -> None:
            async with reading(system.urls[0], "many", lang=code):
                ready.release()
                await stop.wait()

        for code in ("es", "fr", "de", "it", "pt", "pl", "cs", "nl"):
            tasks.create_task(hold(code))
            await ready.acquire()
        async with httpx.AsyncClient() as client:
            refused = await client.get(f"{system.urls[1]}/v1/rooms/many/events", params={"lang": "sv"})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_languages")
        async with reading(system.urls[1], "many", lang="es"):
            pass
        stop.set()


@pytest.fixture(scope="module")
def keyed_system(artifacts: Path) -> Iterator[System]:
    environment = {**NO_LOAD_LIMIT, "GATEWAY_AUTH": "keys"}
    with run_in_thread(running(system_plan(artifacts / "keyed-rooms", environment=environment), silent)) as up:
        yield up


def socket_url(url: str, room: str, query: str = "") -> str:
    return f"{url.replace('http', 'ws', 1)}/v1/rooms/{room}{query}"


async def test_a_room_is_read_over_a_websocket(system: System, sentence: NDArray[np.int16]) -> None:
    speaker, other = system.urls
    async with (
        marking_translator(system.redis_url),
        asyncio.timeout(40),
        websockets.connect(socket_url(other, "frames", "?lang=es")) as reader,
    ):
        await reader.send("ignored")
        (final,) = (await speak(speaker, sentence, language="en", room="frames")).received(Final)
        while not (caption := json.loads(await reader.recv()))["is_final"]:
            continue
        assert (caption["text"], caption["language"]) == (f"[es] {final.text}", "es")
        async with websockets.connect(socket_url(speaker, "frames", "?lang=es&lines=1")) as late:
            assert json.loads(await late.recv()) == caption
        async with websockets.connect(socket_url(speaker, "frames", f"?lang=es&cursor={caption['cursor']}")) as resumed:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await resumed.recv()


async def test_a_websocket_is_refused_without_a_link_and_closed_when_it_ends(keyed_system: System) -> None:
    url, owner = keyed_system.urls[0], {"Authorization": f"Bearer {keyed_system.key}"}
    for query in ("", "?token=read_wrong"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(socket_url(url, "wired", query)):
                pass
        assert refused.value.response.status_code == 401
    async with httpx.AsyncClient(base_url=f"{url}/v1/rooms/wired", headers=owner) as client:
        link = (await client.post("/links")).json()
        async with websockets.connect(socket_url(url, "wired", f"?token={link['token']}")) as reader:
            assert (await client.delete(f"/links/{link['id']}")).status_code == 204
            with pytest.raises(websockets.ConnectionClosed) as closed:
                async with asyncio.timeout(10):
                    await reader.recv()
    assert closed.value.rcvd
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "link_ended")


async def test_links_let_others_read_until_they_end(keyed_system: System) -> None:
    url, owner = keyed_system.urls[0], {"Authorization": f"Bearer {keyed_system.key}"}
    async with (
        httpx.AsyncClient(base_url=f"{url}/v1/rooms/talk") as client,
        connect(ServiceSettings(REDIS_URL=keyed_system.redis_url)) as redis,
    ):
        assert (await client.get("/events")).status_code == 401
        assert (await client.post("/links")).status_code == 401
        for invalid in ({"expires_s": "1"}, {"expires_s": "x"}, {"name": "x" * 101}):
            assert (await client.post("/links", params=invalid, headers=owner)).status_code == 400
        link = (await client.post("/links", params={"name": "screen"}, headers=owner)).json()
        listed = (await client.get("/links", headers=owner)).json()
        assert [(found["id"], found["name"]) for found in listed] == [(link["id"], "screen")]
        assert "token" not in listed[0]

        assert (await client.get("/links", params={"token": link["token"]})).status_code == 401
        assert (await client.get("/events", params={"token": f"{link['token'][:-4]}0000"})).status_code == 401
        other = await client.get(f"{url}/v1/rooms/other/events", params={"token": link["token"]})
        assert other.status_code == 401
        rooms = RedisRooms(redis, ServiceSettings())
        room_owner = await rooms.owner("talk")
        assert room_owner
        _, expiring = await RoomLinks(redis, rooms).create("talk", room_owner, "", 2)
        await asyncio.sleep(2.1)
        assert (await client.get("/events", params={"token": expiring})).status_code == 401

        caption = Caption(line="a-1", text="x", language="en", is_final=True)
        await rooms.publish("talk", room_owner, "a", [PublishedCaption(NO_POSITION, caption)])
        async with (
            reading(url, "talk", {"Authorization": f"Bearer {link['token']}"}) as by_header,
            reading(url, "talk", token=link["token"]) as by_query,
            reading(url, "talk", owner) as by_key,
        ):
            for reader in (by_header, by_query, by_key):
                assert await reader.wait_for_finals(1) == ["x"]
            assert (await client.delete(f"/links/{link['id']}", headers=owner)).status_code == 204
            assert [await reader.wait_for_end() for reader in (by_header, by_query)] == ["link_ended"] * 2
            assert by_key.end == ""
        assert (await client.get("/events", params={"token": link["token"]})).status_code == 401
        assert (await client.delete(f"/links/{link['id']}", headers=owner)).json()["code"] == "unknown_link"


async def test_a_revoked_key_ends_the_readers_and_the_links_of_its_rooms(keyed_system: System) -> None:
    url, settings = keyed_system.urls[0], ServiceSettings(REDIS_URL=keyed_system.redis_url)
    async with connect(settings) as redis, httpx.AsyncClient(base_url=f"{url}/v1/rooms") as client:
        keys = ApiKeys(redis)
        key, admin_key = [await keys.create(name, [name], QuotaLimits()) for name in SCOPES if name != "read"]
        owner, admin = ({"Authorization": f"Bearer {one}"} for one in (key, admin_key))
        link = (await client.post("/revoked/links", headers=owner)).json()
        (await client.post("/kept/links", headers={"Authorization": f"Bearer {keyed_system.key}"})).raise_for_status()
        async with (
            reading(url, "revoked", owner) as by_key,
            reading(url, "revoked", token=link["token"]) as by_link,
            reading(url, "kept", admin) as by_admin,
            websockets.connect(socket_url(url, "revoked", f"?token={link['token']}")) as socket,
        ):
            assert await keys.revoke(key.split("_")[1])
            assert await keys.revoke(admin_key.split("_")[1])
            readers = (by_key, by_link, by_admin)
            assert [await reader.wait_for_end() for reader in readers] == ["key_ended"] * 3
            with pytest.raises(websockets.ConnectionClosed) as closed:
                async with asyncio.timeout(10):
                    await socket.recv()
        assert closed.value.rcvd
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "key_ended")
        assert (await client.get("/revoked/events", headers=owner)).status_code == 401
        assert (await client.get("/revoked/events", params={"token": link["token"]})).status_code == 401
        by_other = await client.get("/revoked/events", headers={"Authorization": f"Bearer {keyed_system.key}"})
        assert (by_other.status_code, by_other.json()["code"]) == (404, "unknown_room")


async def test_a_moderator_corrects_and_removes_lines(keyed_system: System) -> None:
    url, owner = keyed_system.urls[0], {"Authorization": f"Bearer {keyed_system.key}"}
    async with (
        httpx.AsyncClient(base_url=f"{url}/v1/rooms/moderated") as client,
        connect(ServiceSettings(REDIS_URL=keyed_system.redis_url)) as redis,
    ):
        read = (await client.post("/links", headers=owner)).json()
        moderate = (await client.post("/links", params={"scope": "moderate"}, headers=owner)).json()
        assert (read["scope"], moderate["scope"]) == ("read", "moderate")
        rooms = RedisRooms(redis, ServiceSettings())
        captions = [Caption(line=f"a-{n}", text=f"{n}", language="en", is_final=True) for n in (1, 2)]
        published = [PublishedCaption(NO_POSITION, caption) for caption in captions]
        await rooms.publish("moderated", await rooms.owner("moderated") or "", "a", published)

        async def correct(line: str, token: str, **body: object) -> tuple[int, str]:
            answer = await client.post(f"/lines/{line}", params={"token": token}, json=body)
            return answer.status_code, answer.json()["code"] if answer.content else ""

        async with reading(url, "moderated", token=read["token"]) as reader:
            await reader.wait_for_finals(2)
            assert await correct("a-1", moderate["token"], text="One.") == (204, "")
            assert await reader.wait_for_finals(3) == ["1", "2", "One."]
            assert (reader.captions[-1]["line"], reader.captions[-1]["corrected"]) == ("a-1", True)
            assert (await client.post("/lines/a-2", json={"text": ""}, headers=owner)).status_code == 204
            assert (await reader.wait_for_finals(4))[-1] == ""
        async with reading(url, "moderated", token=read["token"]) as late:
            assert await late.wait_for_finals(2) == ["One.", ""]
        assert await correct("a-1", read["token"], text="x") == (403, "forbidden")
        assert await correct("a-1", "read_wrong", text="x") == (401, "unauthorized")
        assert await correct("a-9", moderate["token"], text="x") == (404, "unknown_line")
        for body in ({}, {"text": 1}, {"text": "x", "hold": True}, {"text": "x" * (MAX_CORRECTION + 1)}):
            assert await correct("a-1", moderate["token"], **body) == (400, "invalid_message")
        assert (await client.post("/links", params={"scope": "all"}, headers=owner)).status_code == 400
