"""One connection cannot stop a gateway: others are served, and memory returns, while clients attack it."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from websockets.asyncio.client import connect

from backend.local.discovery import stream_url
from backend.local.processes import wait_for
from backend.local.system import System, running
from tests.chaos.clients.attack_shapes import Target, everything, flood
from tests.chaos.clients.attacks import ATTACKS, LAST_CONTINUATION, PING, START
from tests.conftest import run_in_thread
from tests.testkit.cli import silent
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked, opened
from tests.testkit.system.plans import system_plan
from tests.testkit.system.processes import resident_mb

TINY_FRAMES = {
    "empty pings": masked(PING, b""),
    "empty binary frames": masked(BINARY, b""),
    "two bytes of audio": masked(BINARY, b"\0\0"),
    "one-byte fragments": b"\x00\x81\0\0\0\0\0",
}
# Long enough for about a hundred pings. Without limits, each of them is answered after seconds.
ATTACK_S = 2.0
# Seconds that an answer for another session may take.
NEIGHBOUR_P95_S = 0.25


@pytest.fixture(scope="module")
def system(artifacts: Path) -> Iterator[System]:
    with run_in_thread(running(system_plan(artifacts / "logs-attacks"), silent)) as up:
        yield up


def place(system: System) -> tuple[str, int]:
    host, port = system.urls[0].removeprefix("http://").split(":")
    return host, int(port)


def memory_mb(system: System) -> float:
    return resident_mb(system.processes["gateway-1"])


@asynccontextmanager
async def attacking(attack: Callable[[], Coroutine[Any, Any, None]], at_once: int = 1) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        attacks = [tasks.create_task(attack()) for _ in range(at_once)]
        yield
        for task in attacks:
            task.cancel()


async def neighbour_p95_s(system: System, seconds: float) -> float:
    """The 95th percentile of the time in which another session's pings are answered."""
    took: list[float] = []
    async with connect(stream_url(system.urls[0])) as socket:
        await socket.send('{"type":"start"}')
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            took.append(await (await socket.ping()))
            await asyncio.sleep(0.02)
    return quantiles(took, n=20)[-1]


@pytest.mark.parametrize("kind", TINY_FRAMES)
async def test_tiny_frames_do_not_delay_other_sessions(system: System, kind: str) -> None:
    before = await neighbour_p95_s(system, 1.0)
    first = [b"\x02\x81\0\0\0\0\0"] if "fragment" in kind else []

    async def attack() -> None:
        await flood(Target.of(system.urls[0]), START, *first, repeated=TINY_FRAMES[kind])

    async with attacking(attack):
        during = await neighbour_p95_s(system, ATTACK_S)
    print(f"{kind}: p95 of others {1000 * before:.1f} ms before, {1000 * during:.1f} ms during")
    assert during < NEIGHBOUR_P95_S


async def test_bursts_of_several_clients_do_not_delay_other_sessions(system: System) -> None:
    """Each burst is within the budget of its connection. Ten clients at once keep the gateway busy all the time."""
    async with attacking(lambda: ATTACKS["bursts of tiny audio frames"](Target.of(system.urls[0]))):
        during = await neighbour_p95_s(system, ATTACK_S)
    print(f"p95 of others {1000 * during:.1f} ms during")
    assert during < 4 * NEIGHBOUR_P95_S


async def test_a_client_with_compressed_audio_stops_no_session_and_fills_no_memory(system: System) -> None:
    """Each frame of 15 KB decodes to ten minutes of noise. Decoded at once, they filled hundreds of megabytes."""
    before = memory_mb(system)
    async with attacking(lambda: ATTACKS["compressed audio"](Target.of(system.urls[0]))):
        during = await neighbour_p95_s(system, ATTACK_S)
        grown = memory_mb(system) - before
    print(f"p95 of others {1000 * during:.1f} ms; memory +{grown:.1f} MB")
    assert during < NEIGHBOUR_P95_S
    assert grown < 60


async def test_a_client_that_keeps_sending_tiny_frames_is_closed(system: System) -> None:
    async with asyncio.timeout(30):
        sent = await flood(Target.of(system.urls[0]), START, repeated=TINY_FRAMES["two bytes of audio"])
    assert b'"code":"too_many_frames"' in sent


async def test_pings_of_a_client_that_does_not_read_fill_no_memory(system: System) -> None:
    before = memory_mb(system)

    async def attack() -> None:
        _, writer = await opened(*place(system), START, room=1_024)
        try:
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(masked(PING, bytes(100)) * 500)
                    await writer.drain()
        finally:
            writer.transport.abort()

    async with attacking(attack, at_once=10):
        during = await neighbour_p95_s(system, ATTACK_S)
        grown = memory_mb(system) - before
    print(f"p95 of others {1000 * during:.1f} ms; memory +{grown:.1f} MB")
    assert during < NEIGHBOUR_P95_S
    assert grown < 30


@pytest.mark.parametrize("first", [b"", START], ids=["without a session", "with a session"])
async def test_incomplete_frames_occupy_little_memory_and_return_it(system: System, first: bytes) -> None:
    before, size = memory_mb(system), 30 << 20
    frame = b"\x82\xff" + size.to_bytes(8, "big") + bytes(4)
    opened_sockets: list[tuple[StreamReader, StreamWriter]] = []
    try:
        for _ in range(40):
            reader, writer = await opened(*place(system), first)
            opened_sockets.append((reader, writer))
            with contextlib.suppress(ConnectionError):
                writer.write(frame + bytes(1 << 20))
        await asyncio.sleep(1.0)
        during = memory_mb(system) - before
    finally:
        for _, writer in opened_sockets:
            writer.transport.abort()
    print(f"memory +{during:.1f} MB during")
    assert during < 60
    await wait_for(lambda: asyncio.sleep(0, memory_mb(system) - before < 30), "the memory is still occupied", 5.0)


@pytest.mark.parametrize("header", [b"X-A: a\x1bb", b"X-A: a\x01b"])
async def test_a_control_character_in_a_handshake_is_refused(system: System, header: bytes) -> None:
    reader, writer = await asyncio.open_connection(*place(system))
    writer.write(handshake().removesuffix(b"\r\n") + header + b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_invalid_utf8_in_a_text_frame_is_an_error_of_the_client(system: System) -> None:
    reader, writer = await opened(*place(system), START, masked(TEXT, b"\xff\xfe"))
    async with asyncio.timeout(5):
        assert b'"code":"invalid_json"' in await reader.read(-1)
    writer.close()


def large_frame(first: int, size: int) -> bytes:
    return bytes([first, 0xFF]) + size.to_bytes(8, "big") + bytes(4) + bytes(size)


async def answer(system: System, *frames: bytes) -> bytes:
    """All that the gateway sends until it closes the WebSocket."""
    reader, writer = await opened(*place(system), *frames)
    try:
        async with asyncio.timeout(10):
            return await everything(reader)
    finally:
        writer.transport.abort()


# A character of three bytes is cut, with control frames and empty fragments between its parts.
MESSAGE = '{"type":"start","hotwords":"漢"}'.encode()
CUT = MESSAGE.index(b"\xe6") + 1
PARTS = [masked(0x01, MESSAGE[:CUT]), masked(PING, b"hi"), masked(0x00, b""), masked(LAST_CONTINUATION, MESSAGE[CUT:])]
STOP = masked(TEXT, b'{"type":"stop"}')
LIMIT = 1 << 20
VALID = {
    "text that is cut inside a character": [*PARTS, STOP],
    "a frame of the largest size": [START, large_frame(BINARY, LIMIT), STOP],
    "fragments of the largest size": [START, large_frame(0x02, LIMIT // 2), large_frame(0x80, LIMIT // 2), STOP],
    "a length in more bytes than necessary": [START, b"\x82\xfe\x00\x04" + bytes(4) + bytes(4), STOP],
}
INVALID = {
    "a frame above the largest size": (1009, [START, large_frame(BINARY, LIMIT + 1)]),
    "fragments above the largest size": (1009, [START, large_frame(0x02, LIMIT), masked(LAST_CONTINUATION, b"x")]),
    "the largest length": (1009, [START, b"\x82\xff" + b"\xff" * 12]),
    "a compressed frame": (1002, [START, b"\xc2\x82" + bytes(6)]),
    "an unmasked frame": (1002, [START, b"\x82\x02\0\0"]),
    "a fragmented ping": (1002, [START, b"\x09\x80" + bytes(4)]),
    "a ping of 126 bytes": (1002, [START, b"\x89\xfe\x00\x7e" + bytes(130)]),
    "a message inside another": (1002, [START, masked(0x01, b"x"), START]),
    "a close frame with an invalid code": (1002, [START, masked(0x88, b"\x00\x01")]),
    "a close frame with an invalid reason": (1007, [START, masked(0x88, b"\x03\xe8\xff")]),
    "an invalid end of a character": (1007, [PARTS[0], masked(LAST_CONTINUATION, b"\xff")]),
}


@pytest.mark.parametrize("kind", VALID)
async def test_unusual_but_valid_frames_are_read(system: System, kind: str) -> None:
    sent = await answer(system, *VALID[kind])
    assert b'"type":"ready"' in sent
    assert b'"type":"done"' in sent
    assert sent.endswith(b"\x03\xe8done"), "the WebSocket is closed with 1000"


@pytest.mark.parametrize("kind", INVALID)
async def test_invalid_frames_end_the_connection_with_the_code_of_the_protocol(system: System, kind: str) -> None:
    code, frames = INVALID[kind]
    sent = await answer(system, *frames)
    assert sent.rpartition(b"\x88")[2][1:3] == code.to_bytes(2, "big")


async def test_compression_is_not_negotiated(system: System) -> None:
    reader, writer = await asyncio.open_connection(*place(system))
    writer.write(handshake().removesuffix(b"\r\n") + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"deflate" not in head
    writer.transport.abort()


@pytest.mark.parametrize("header", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
async def test_a_request_with_a_body_is_refused(system: System, header: bytes) -> None:
    reader, writer = await asyncio.open_connection(*place(system))
    writer.write(b"POST /health HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await everything(reader)).startswith(b"HTTP/1.1 400")
    writer.transport.abort()


async def test_a_page_that_needs_a_key_is_read_no_further(artifacts: Path) -> None:
    """The page receives the reason on an accepted WebSocket, which is then closed although the client continues."""
    plan = system_plan(artifacts / "logs-attack-keys", environment={"GATEWAY_AUTH": "keys"})
    async with running(plan, silent) as system:
        host, port = place(system)
        reader, writer = await asyncio.open_connection(host, port)
        origin = f"Origin: http://{host}:{port}\r\nHost: {host}:{port}\r\n\r\n".encode()
        head = b"\r\n".join(line for line in handshake().split(b"\r\n") if not line.lower().startswith(b"host"))
        writer.write(head.removesuffix(b"\r\n").removesuffix(b"\r\n") + b"\r\n" + origin)
        async with asyncio.timeout(8):
            with contextlib.suppress(ConnectionError):
                assert b'"code":"unauthorized"' in await reader.readuntil(b"}")
                while True:
                    writer.write(TINY_FRAMES["empty pings"] * 1_000)
                    await asyncio.wait_for(writer.drain(), 5)
                    await asyncio.sleep(0)


async def request(system: System, head: str, body: bytes = b"", *, length: int | None = None) -> bytes:
    """The response to a request, or b"" if `length` announces more than the body has: the client then leaves."""
    reader, writer = await asyncio.open_connection(*place(system))
    size = len(body) if length is None else length
    writer.write(f"{head}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode() + body)
    try:
        if length is not None:
            await writer.drain()
            await asyncio.sleep(0.2)
            return b""
        async with asyncio.timeout(10):
            return await everything(reader)
    finally:
        writer.transport.abort()


async def test_uploads_that_break_off_and_refused_handshakes_are_no_errors_of_the_gateway(
    system: System, artifacts: Path
) -> None:
    log = artifacts / "logs-attacks" / "gateway-1.log"
    before = len(log.read_text())
    for path in ("/v1/listen", "/v1/audio/transcriptions", "/v1/realtime/client_secrets"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b"
        await request(system, head, b"--b\r\n", length=1_000)
    foreign = handshake().removesuffix(b"\r\n") + b"Origin: http://evil.example\r\n\r\n"
    reader, writer = await asyncio.open_connection(*place(system))
    writer.write(foreign)
    async with asyncio.timeout(10):
        assert await everything(reader)
    writer.transport.abort()
    await asyncio.sleep(0.5)
    new = log.read_text()[before:]
    assert "Traceback" not in new
    assert '"level": "error"' not in new


async def test_half_of_a_surrogate_pair_in_a_client_secret_is_refused(system: System) -> None:
    body = rb'{"session":{"type":"transcription","audio":{"input":{"transcription":{"prompt":"\ud800"}}}}}'
    head = "POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json"
    response = await request(system, head, body)
    assert response.startswith(b"HTTP/1.1 400")
    assert b'"invalid_json"' in response


async def test_a_request_for_a_foreign_host_is_refused(system: System) -> None:
    assert (await request(system, "GET /v1/models HTTP/1.1\r\nHost: evil.example")).startswith(b"HTTP/1.1 403")
    assert (await request(system, "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1")).startswith(b"HTTP/1.1 200")
