"""Misuse of each protocol gives that protocol's own error and close code, and a neighbour session notices nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from backend.load.driver import drive_session
from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.protocol import Error, Start
from backend.streams.access.api_keys import ApiKeys, QuotaLimits
from backend.streams.redis.clients import client
from gateway.protocols import PROTOCOLS
from stt_worker.recognizers.null import transcript
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.call_doors import AEAP, AI_VOICE, ASTERISK, FREESWITCH, KYUTAI, KYUTAI_RAW, SOCKETS, TWILIO
from tests.testkit.cli import silent
from tests.testkit.doors import (
    DEEPGRAM,
    DEEPGRAM_LIVE,
    NATIVE,
    OPENAI,
    OPENAI_REALTIME,
    UPLOADS,
    Failure,
    InvalidText,
    SocketDoor,
)
from tests.testkit.servers.threads import serve_in_thread, url_of
from tests.testkit.session import ClientLedger
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

pytestmark = [pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MIB = 1 << 20
SETTINGS = {
    **NO_LOAD_LIMIT,
    "GATEWAY_AUTH": "keys",
    "GATEWAY_IDLE_TIMEOUT_S": "6",
    "GATEWAY_START_TIMEOUT_S": "3",
    "GATEWAY_MAX_FRAME_BYTES": "262144",
    "GATEWAY_MAX_UPLOAD_BYTES": str(MIB),
    "GATEWAY_URL_ENABLED": "true",
    "GATEWAY_URL_NETWORKS": "127.0.0.1/32",
}
NOISE = bytes(range(256)) * 400
# Attempts at a time, and the delay that a neighbour may see of a final: tests run on machines with much other work.
AT_ONCE, MAX_LATENCY_S = 12, 15.0
NO_BASE64 = '{"event":"media","media":{"payload":"%"}}'
INIT = msgpack.packb({"type": "Init"})
OTHER_RATE = '{"type":"start","sample_rate":8000}'


@pytest.fixture(scope="module")
def guarded(artifacts: Path) -> Iterator[System]:
    """A system that requires keys, with short timeouts and low limits."""
    with run_in_thread(running(system_plan(artifacts / "logs-doors", environment=SETTINGS), silent)) as up:
        yield up


@pytest.fixture
async def keys(guarded: System) -> AsyncIterator[ApiKeys]:
    redis: Redis = client(guarded.redis_url)
    yield ApiKeys(redis)
    await redis.aclose()


@pytest.fixture(scope="module")
def talk(speech_clips: list[Clip]) -> Clip:
    return shortest_clip(speech_clips, 2.5)


@asynccontextmanager
async def neighbour(system: System, talk: Clip, url: str = "") -> AsyncIterator[None]:
    """A native session that speaks in real time meanwhile, and gets each of its finals soon and without an error."""
    ledger = ClientLedger.for_audio(talk.pcm()[: 5 * 16_000])
    session = asyncio.create_task(
        drive_session(stream_url(url or system.urls[0]), Start(language="en"), ledger, key=system.key)
    )
    yield
    await session
    assert ledger.error is None
    assert ledger.received(Error) == []
    assert ledger.utterances
    assert [final.text for _, final in ledger.finals] == [
        transcript(ledger.audio_of(final)) for _, final in ledger.finals
    ]
    assert max(ledger.latencies()) < MAX_LATENCY_S


async def fail_at_once(attempts: Mapping[str, Any]) -> dict[str, Failure]:
    """All failures, by the name of the attempt. Several are made at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(attempt: Awaitable[Failure]) -> Failure:
        async with places:
            return await attempt

    async with asyncio.TaskGroup() as tasks:
        running_attempts = {name: tasks.create_task(placed(attempt)) for name, attempt in attempts.items()}
    return {name: attempt.result() for name, attempt in running_attempts.items()}


def refused_in_time(failures: Mapping[str, Failure]) -> dict[str, Failure]:
    """The failures as on an idle machine. On a busy one, Asterisk's `setup` is answered before a refusal."""
    late = failures["aeap"]
    return {**failures, "aeap": replace(late, code=late.code or late.reason)}


async def test_garbage(guarded: System, talk: Clip) -> None:
    url, key = guarded.urls[0], guarded.key
    undecodable = InvalidText(b"\xff\xfe\xfd")
    async with neighbour(guarded, talk):
        failures = await fail_at_once(
            {
                "native, no JSON": NATIVE.failure(url, [*NATIVE.start, "hello"], key),
                "native, no JSON first": NATIVE.failure(url, ["hello"], key),
                "native, no UTF-8": NATIVE.failure(url, [*NATIVE.start, undecodable], key),
                "realtime, no JSON": OPENAI_REALTIME.failure(url, ["hello"], key),
                "realtime, no object": OPENAI_REALTIME.failure(url, ["[1]"], key),
                "realtime, binary": OPENAI_REALTIME.failure(url, [NOISE[:1_000]], key),
                "realtime, no UTF-8": OPENAI_REALTIME.failure(url, [undecodable], key),
                "live, no JSON": DEEPGRAM_LIVE.failure(url, ["hello"], key),
                "live, no UTF-8": DEEPGRAM_LIVE.failure(url, [undecodable], key),
                "kyutai, text": KYUTAI.failure(url, ["hello"], key),
                "kyutai, no MessagePack": KYUTAI.failure(url, [NOISE[:1_000]], key),
                "kyutai raw, text": KYUTAI_RAW.failure(url, ["hello"], key),
                "twilio, no JSON": TWILIO.failure(url, [*TWILIO.start, "hello"], key),
                "twilio, binary": TWILIO.failure(url, [*TWILIO.start, NOISE[:1_000]], key),
                "twilio, no base64": TWILIO.failure(url, [*TWILIO.start, NO_BASE64], key),
                "asterisk, nested": ASTERISK.failure(url, [*ASTERISK.start, "[" * 60_000], key),
                "asterisk, no UTF-8": ASTERISK.failure(url, [*ASTERISK.start, undecodable], key),
                "aeap, no JSON first": AEAP.failure(url, ["hello"], key),
                "aeap, no JSON": AEAP.failure(url, [*AEAP.start, "hello"], key),
                "aeap, another codec": AEAP.failure(url, [str(AEAP.start[0]).replace("slin", "gsm")], key),
                "freeswitch, no JSON first": FREESWITCH.failure(url, ["hello"], key),
                "freeswitch, no JSON": FREESWITCH.failure(url, [*FREESWITCH.start, "hello"], key),
                "ai_voice, no JSON": AI_VOICE.failure(url, [*AI_VOICE.start, "hello"], key),
                "ai_voice, no MessagePack first": AI_VOICE.failure(url, [b"\xff\xfe\xfd"], key),
                "openai, no media": OPENAI.failure(url, key, **OPENAI.request(NOISE)),
                "openai, no form": OPENAI.failure(url, key, content=NOISE),
                "deepgram, no media": DEEPGRAM.failure(url, key, **DEEPGRAM.request(NOISE)),
                "deepgram, no JSON": DEEPGRAM.failure(
                    url, key, content=NOISE[:1_000], headers={"Content-Type": "application/json"}
                ),
            }
        )
    assert failures == {
        "native, no JSON": Failure("invalid_json", None),
        "native, no JSON first": Failure("invalid_json", 1007, "invalid_json"),
        "native, no UTF-8": Failure("invalid_json", 1007, "invalid_json"),
        "realtime, no JSON": Failure("invalid_json", None),
        "realtime, no object": Failure("missing_required_parameter", None),
        "realtime, binary": Failure("invalid", None),
        "realtime, no UTF-8": Failure("invalid_json", 1007, "invalid_json"),
        "live, no JSON": Failure("invalid_json", 1008, "DATA-0000"),
        "live, no UTF-8": Failure("invalid_json", 1008, "DATA-0000"),
        "kyutai, text": Failure("Error", 1007, "invalid_message"),
        "kyutai, no MessagePack": Failure("Error", 1007, "invalid_message"),
        "kyutai raw, text": Failure("Error", 1007, "invalid_message"),
        "twilio, no JSON": Failure("invalid_json", 1007, "invalid_json"),
        "twilio, binary": Failure("invalid_message", 1008, "invalid_message"),
        "twilio, no base64": Failure("invalid_audio", 1008, "invalid_audio"),
        "asterisk, nested": Failure("HANGUP", 1008, "invalid_message"),
        "asterisk, no UTF-8": Failure("HANGUP", 1007, "invalid_json"),
        "aeap, no JSON first": Failure("", 1007, "invalid_json"),
        "aeap, no JSON": Failure("", 1007, "invalid_json"),
        "aeap, another codec": Failure("unsupported_encoding", 1003, "unsupported_encoding"),
        "freeswitch, no JSON first": Failure("invalid_json", 1007, "invalid_json"),
        "freeswitch, no JSON": Failure("invalid_json", None),
        "ai_voice, no JSON": Failure("invalid_json", None),
        "ai_voice, no MessagePack first": Failure("invalid_message", 1007, "invalid_message"),
        "openai, no media": Failure("not_media", 400),
        "openai, no form": Failure("invalid_content_type", 415),
        "deepgram, no media": Failure("Bad Request", 400),
        "deepgram, no JSON": Failure("Bad Request", 400),
    }


async def test_messages_in_the_wrong_order(guarded: System, talk: Clip) -> None:
    url, key = guarded.urls[0], guarded.key
    commit, start = json.dumps({"type": "input_audio_buffer.commit"}), NATIVE.start[0]
    async with neighbour(guarded, talk):
        failures = await fail_at_once(
            {
                "native, audio first": NATIVE.failure(url, [bytes(3_200)], key),
                "native, start twice": NATIVE.failure(url, [start, start], key),
                "realtime, commit without audio": OPENAI_REALTIME.failure(url, [commit], key),
                "realtime, a conversation": OPENAI_REALTIME.failure(url, ['{"type":"response.create"}'], key),
                "kyutai, Init after audio": KYUTAI.failure(url, [KYUTAI.audio(bytes(320)), INIT], key),
                "twilio, media first": TWILIO.failure(url, [TWILIO.audio(bytes(320))], key),
                "twilio, start twice": TWILIO.failure(url, [*TWILIO.start, *TWILIO.start], key),
                "asterisk, audio first": ASTERISK.failure(url, [bytes(320)], key),
                "asterisk, start twice": ASTERISK.failure(url, [*ASTERISK.start, *ASTERISK.start], key),
                "aeap, audio first": AEAP.failure(url, [bytes(320)], key),
                "aeap, setup twice": AEAP.failure(url, [*AEAP.start, *AEAP.start], key),
                "ai_voice, chunk first": AI_VOICE.failure(url, [AI_VOICE.audio(bytes(320))], key),
                "ai_voice, another rate": AI_VOICE.failure(url, [*AI_VOICE.start, OTHER_RATE], key),
                "live, unknown message": DEEPGRAM_LIVE.failure(url, ['{"type":"Configure"}'], key),
                "openai, no model": OPENAI.failure(url, key, files={"file": ("talk.wav", NOISE)}),
                "openai, no file": OPENAI.failure(url, key, files={"other": ("x", b"")}, data={"model": "whisper-1"}),
                "deepgram, no url": DEEPGRAM.failure(url, key, json={"link": "x"}),
            }
        )
    assert failures == {
        "native, audio first": Failure("not_started", 1008, "not_started"),
        "native, start twice": Failure("already_started", None),
        "realtime, commit without audio": Failure("input_audio_buffer_commit_empty", None),
        "realtime, a conversation": Failure("invalid_value", None),
        "kyutai, Init after audio": Failure("Error", 1007, "invalid_message"),
        "twilio, media first": Failure("not_started", 1008, "not_started"),
        "twilio, start twice": Failure("invalid_message", 1008, "invalid_message"),
        "asterisk, audio first": Failure("HANGUP", 1008, "not_started"),
        "asterisk, start twice": Failure("HANGUP", 1008, "invalid_message"),
        "aeap, audio first": Failure("", 1008, "not_started"),
        "aeap, setup twice": Failure("unknown_type", None),
        "ai_voice, chunk first": Failure("not_started", 1008, "not_started"),
        "ai_voice, another rate": Failure("invalid_audio", 1008, "invalid_audio"),
        "live, unknown message": Failure("unknown_type", None),
        "openai, no model": Failure("missing_required_parameter", 400),
        "openai, no file": Failure("missing_required_parameter", 400),
        "deepgram, no url": Failure("Bad Request", 400),
    }


async def test_too_much_at_once(guarded: System, talk: Clip) -> None:
    url, key, large = guarded.urls[0], guarded.key, bytes(300_000)
    flood = [b"\0\0"] * 20_000
    async with neighbour(guarded, talk):
        failures = await fail_at_once(
            {
                **{
                    door.title: door.failure(url, [*door.start, door.audio(bytes(320)), door.audio(large)], key)
                    for door in SOCKETS
                },
                **{door.protocol: door.failure(url, key, **door.request(bytes(2 * MIB))) for door in UPLOADS},
                "live, flood": DEEPGRAM_LIVE.failure(url, flood, key),
                "native, flood": NATIVE.failure(url, [*NATIVE.start, *flood], key),
            }
        )
    assert failures == {
        "native": Failure("frame_too_large", 1009, "frame_too_large"),
        "openai_realtime": Failure("frame_too_large", 1009, "frame_too_large"),
        "deepgram_live": Failure("frame_too_large", 1009, "frame_too_large"),
        "kyutai packed": Failure("Error", 1009, "frame_too_large"),
        "kyutai raw": Failure("Error", 1009, "frame_too_large"),
        "twilio": Failure("frame_too_large", 1009, "frame_too_large"),
        "asterisk": Failure("HANGUP", 1009, "frame_too_large"),
        "aeap": Failure("", 1009, "frame_too_large"),
        "freeswitch": Failure("frame_too_large", 1009, "frame_too_large"),
        "ai_voice": Failure("frame_too_large", 1009, "frame_too_large"),
        "openai": Failure("file_too_large", 413),
        "deepgram": Failure("PAYLOAD_TOO_LARGE", 413),
        "live, flood": Failure("too_many_frames", 1008, "too_many_frames"),
        "native, flood": Failure("too_many_frames", 1008, "too_many_frames"),
    }


async def stalled_upload(url: str, path: str, content_type: str, begin: bytes, key: str) -> bytes:
    """The response to a request whose body stops after its first bytes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: {content_type}\r\n"
    writer.write(head.encode() + b"Content-Length: 100000\r\n\r\n" + begin)
    response = await asyncio.wait_for(reader.readuntil(b"}"), 60)
    writer.transport.abort()
    return response


async def test_clients_that_stall(guarded: System, talk: Clip) -> None:
    url, key = guarded.urls[0], guarded.key
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    async with neighbour(guarded, talk):
        openai = asyncio.create_task(stalled_upload(url, OPENAI.path, "multipart/form-data; boundary=x", form, key))
        deepgram = asyncio.create_task(stalled_upload(url, DEEPGRAM.path, "audio/wav", b"RIFF", key))
        failures = await fail_at_once({door.title: door.failure(url, door.start, key) for door in SOCKETS})
    assert failures == {
        "native": Failure("idle_timeout", 1008, "idle_timeout"),
        "openai_realtime": Failure("idle_timeout", 1008, "idle_timeout"),
        "deepgram_live": Failure("idle_timeout", 1011, "NET-0001"),
        "kyutai packed": Failure("Error", 1008, "idle_timeout"),
        "kyutai raw": Failure("Error", 1008, "idle_timeout"),
        "twilio": Failure("idle_timeout", 1008, "idle_timeout"),
        "asterisk": Failure("HANGUP", 1008, "idle_timeout"),
        "aeap": Failure("", 1008, "idle_timeout"),
        "freeswitch": Failure("idle_timeout", 1008, "idle_timeout"),
        "ai_voice": Failure("idle_timeout", 1008, "idle_timeout"),
    }
    assert b" 408 " in await openai
    assert b'"code": "upload_timeout"' in openai.result()
    assert b" 408 " in await deepgram
    assert b'"err_code": "SLOW_UPLOAD"' in deepgram.result()


@pytest.mark.parametrize("key", ["", "nova_000000000000_" + "0" * 48])
async def test_a_missing_or_wrong_key(guarded: System, talk: Clip, key: str) -> None:
    url = guarded.urls[0]
    async with neighbour(guarded, talk):
        failures = await fail_at_once(
            {
                **{door.title: door.failure(url, door.start, key) for door in SOCKETS},
                **{door.protocol: door.failure(url, key, **door.request(NOISE)) for door in UPLOADS},
            }
        )
    assert refused_in_time(failures) == {
        "native": Failure("unauthorized", 401),
        "openai_realtime": Failure("invalid_api_key", 401),
        "deepgram_live": Failure("INVALID_AUTH", 401),
        "kyutai packed": Failure("Error", 401),
        "kyutai raw": Failure("Error", 401),
        "twilio": Failure("unauthorized", 1008, "unauthorized"),
        "asterisk": Failure("unauthorized", 401),
        "aeap": Failure("unauthorized", 1008, "unauthorized"),
        "freeswitch": Failure("unauthorized", 1008, "unauthorized"),
        "ai_voice": Failure("unauthorized", 1008, "unauthorized"),
        "openai": Failure("invalid_api_key", 401),
        "deepgram": Failure("INVALID_AUTH", 401),
    }


async def test_a_caller_over_its_quota(guarded: System, keys: ApiKeys, talk: Clip) -> None:
    url, key = guarded.urls[0], await keys.create("ada", ("stream",), QuotaLimits(sessions=1))
    file = talk.path.read_bytes()
    async with neighbour(guarded, talk), NATIVE.connect(url, key) as holder:
        await holder.send(NATIVE.start[0])
        assert json.loads(await holder.recv())["type"] == "ready"
        keepalive = asyncio.create_task(kept_alive(holder))
        failures = await fail_at_once(
            {
                **{door.title: door.failure(url, door.start, key) for door in SOCKETS},
                **{door.protocol: door.failure(url, key, **door.request(file)) for door in UPLOADS},
            }
        )
        keepalive.cancel()
    assert refused_in_time(failures) == {
        "native": Failure("over_quota", 1013, "over_quota"),
        "openai_realtime": Failure("insufficient_quota", 1013, "over_quota"),
        "deepgram_live": Failure("over_quota", 1011, "over_quota"),
        "kyutai packed": Failure("Error", 1013, "over_quota"),
        "kyutai raw": Failure("Error", 1013, "over_quota"),
        "twilio": Failure("over_quota", 1013, "over_quota"),
        "asterisk": Failure("HANGUP", 1013, "over_quota"),
        "aeap": Failure("over_quota", 1013, "over_quota"),
        "freeswitch": Failure("over_quota", 1013, "over_quota"),
        "ai_voice": Failure("over_quota", 1013, "over_quota"),
        "openai": Failure("insufficient_quota", 429),
        "deepgram": Failure("TOO_MANY_REQUESTS", 429),
    }


async def kept_alive(socket: Any) -> None:
    while True:
        await socket.send('{"type":"keepalive"}')
        await asyncio.sleep(1)


async def test_a_gateway_that_shuts_down(artifacts: Path, talk: Clip) -> None:
    settings = {**SETTINGS, "GATEWAY_DRAIN_S": "2", "GATEWAY_IDLE_TIMEOUT_S": "30"}
    plan = system_plan(artifacts / "logs-doors-drain", gateways=2, environment=settings)
    async with running(plan, silent) as system, neighbour(system, talk, system.urls[1]):
        url, key, gateway = system.urls[0], system.key, system.named("gateway-1")
        attempts = {door.title: asyncio.create_task(ended(door, url, key, talk)) for door in SOCKETS}
        await until_open(url, key, len(attempts))
        gateway.stopping = True
        assert gateway.process
        gateway.process.terminate()
        await asyncio.sleep(0.3)
        uploads = await fail_at_once(
            {door.protocol: door.failure(url, key, **door.request(talk.path.read_bytes())) for door in UPLOADS}
        )
        closed = {name: await attempt for name, attempt in attempts.items()}
    assert uploads == {"openai": Failure("draining", 503), "deepgram": Failure("SERVICE_UNAVAILABLE", 503)}
    assert closed == {
        "native": (1012, "draining"),
        "openai_realtime": (1012, "draining"),
        "deepgram_live": (1011, "draining"),
        **dict.fromkeys(("kyutai packed", "kyutai raw", "twilio", "asterisk", "aeap"), (1012, "draining")),
        **dict.fromkeys(("freeswitch", "ai_voice"), (1012, "draining")),
    }


async def until_open(url: str, key: str, sessions: int) -> None:
    """Wait for this number of sessions. Without one, a gateway that drains would stop at once."""
    async with asyncio.timeout(60), httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        while True:
            lines = (await http.get(f"{url}/metrics")).text.splitlines()
            if sum(float(line.split()[-1]) for line in lines if "open_sessions{" in line) >= sessions:
                return
            await asyncio.sleep(0.2)


async def ended(door: SocketDoor, url: str, key: str, talk: Clip) -> tuple[int | None, str]:
    """The close of a session whose client continues to speak without a pause."""
    pcm = np.tile(talk.pcm()[16_000 : 2 * 16_000], 30).tobytes()
    async with door.connect(url, key) as socket:
        # A client with many unread messages does not see the close frame behind them.
        reading = asyncio.create_task(read_all(socket))
        with suppress(Exception):
            for frame in (*door.start, *(door.audio(pcm[at : at + 3_200]) for at in range(0, len(pcm), 3_200))):
                await socket.send(frame)
                await asyncio.sleep(0.1)
        await asyncio.wait_for(reading, 20)
        return socket.close_code, socket.close_reason or ""


async def read_all(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass


def test_a_recording_is_fetched_from_its_url(guarded: System, talk: Clip) -> None:
    class Storage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/talk" else 403)
            self.end_headers()
            self.wfile.write(talk.path.read_bytes())

        def log_message(self, *_: Any) -> None:
            pass

    url = guarded.urls[0]
    socket = url.replace("http", "ws", 1)
    environment = DeepgramClientEnvironment(base=url, production=socket, agent=socket, agent_rest=url)
    with serve_in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Storage)) as server, httpx.Client() as http:
        deepgram = DeepgramClient(api_key=guarded.key, environment=environment, httpx_client=http)
        found: Any = deepgram.listen.v1.media.transcribe_url(url=f"{url_of(server)}/talk", model="nova-3")
        assert found.results.channels[0].alternatives[0].transcript
        assert found.metadata.duration == pytest.approx(len(talk.pcm()) / 16_000, abs=0.1)
        for wrong in (f"{url_of(server)}/gone", "http://127.0.0.2:1/", "http://169.254.169.254/latest/meta-data/"):
            with pytest.raises(ApiError) as caught:
                deepgram.listen.v1.media.transcribe_url(url=wrong)
            assert (caught.value.status_code, caught.value.body["err_code"]) == (400, "REMOTE_CONTENT_ERROR")


async def test_sessions_and_errors_are_counted_by_protocol(guarded: System, talk: Clip) -> None:
    """The tests before have failed through every protocol. This one also opens a session with each."""
    url, key = guarded.urls[0], guarded.key
    for door in SOCKETS:
        async with door.connect(url, key) as socket:
            for frame in (*door.start, door.audio(bytes(3_200))):
                await socket.send(frame)
            await asyncio.sleep(0.5)
    async with httpx.AsyncClient(base_url=url, timeout=60, headers={"Authorization": f"Bearer {key}"}) as http:
        for upload in UPLOADS:
            request = upload.request(talk.path.read_bytes())
            assert (await http.post(upload.path, **request)).status_code == 200
        text = (await http.get("/metrics")).text
    assert all(f'nova_gateway_open_sessions{{protocol="{name}"}}' in text for name in PROTOCOLS)
    for name in (door.protocol for door in (*SOCKETS, *UPLOADS)):
        sessions = next(line for line in text.splitlines() if f'sessions_total{{protocol="{name}"}}' in line)
        assert float(sessions.split()[-1]) >= 1, name
    labels = {line.partition('protocol="')[2].partition('"')[0] for line in text.splitlines() if 'protocol="' in line}
    assert labels == set(PROTOCOLS), "other labels would be unlimited"
