"""The Python client on an unreliable network: each final is delivered once, and no audio is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.client.client import Client, DisconnectedError, ServerError
from backend.client.replay_buffer import CAPACITY_MS
from backend.local.processes import free_port
from backend.messages.protocol import AudioFormat, Configure, Draining, Error, Final, Notice, Resume, Start
from tests.testkit.audio.media_files import encode, noise
from tests.testkit.servers.fake_gateway import (
    BLOCK_MS,
    MS,
    PHONE,
    RESTART,
    UTTERANCE_MS,
    Gateway,
    Speaker,
    refuse,
    send,
    serving,
    speech,
)
from tests.testkit.servers.fault_proxy import FaultProxy
from tests.testkit.system.command import nova

BYTES_PER_S = 2e6
OVERLOADED = Error(code="overloaded", message="full", fatal=True, retry_after_s=0.4)
LOST_AND_BACK = ["connection_lost", "connection_restored"]


class Network(FaultProxy):
    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


def behind(gateway: Gateway) -> Network:
    return Network("127.0.0.1", gateway.port)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving(Gateway()) as up:
        yield up


async def test_a_server_that_would_mix_the_channels_is_refused(gateway: Gateway) -> None:
    stereo = Start(audio=AudioFormat(channels=2), multichannel=True)
    with pytest.raises(ServerError) as caught:
        async with Client.connect(gateway.url, stereo):
            pass
    assert caught.value.code == "channels_unsupported"


async def test_repeatedly_cut_connections_lose_no_audio_and_no_final(gateway: Gateway) -> None:
    audio = speech(4_000)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        speaker = await Speaker({2: proxy.cut, 4: proxy.cut, 6: proxy.cut}, ahead=1).run(client, audio)
        assert client.reconnects == 3
        assert client.ready.session == "session 1"
    speaker.assert_complete(4_000)
    assert gateway.session.audio == audio
    assert speaker.notices == LOST_AND_BACK * 3
    resumed = gateway.hellos[1][1]
    assert isinstance(resumed, Resume)
    assert resumed.utterance in (2, 3)
    assert (resumed.audio_from_ms, resumed.cursor) == (resumed.utterance * UTTERANCE_MS, f"{resumed.utterance}-0")


async def test_audio_and_stop_sent_into_a_stalled_connection_are_sent_again(gateway: Gateway) -> None:
    audio, half = speech(2_200), 1_100 * MS
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        await client.send(audio[:half])
        speaker = Speaker(events=[await anext(aiter(client)), await anext(aiter(client))])
        proxy.stall()
        await client.send(audio[half:])
        await client.stop()
        proxy.cut()
        proxy.flow()
        await speaker.listen(client)
    speaker.assert_complete(2_200)
    assert gateway.session.audio == audio


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
async def test_the_client_reconnects_after_transient_close_codes(gateway: Gateway, code: int) -> None:
    audio = speech(1_500)
    async with Client.connect(gateway.url, PHONE) as client:
        speaker = await Speaker({1: lambda: gateway.close(code)}).run(client, audio)
    speaker.assert_complete(1_500)
    assert gateway.session.audio == audio
    assert speaker.notices == LOST_AND_BACK


async def test_the_client_waits_for_retry_after_s_of_a_transient_fatal_error(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        speaker = await Speaker({1: lambda: refuse(gateway.sockets[0], OVERLOADED, 1013)}).run(client, speech(1_500))
    speaker.assert_complete(1_500)
    assert speaker.notices == LOST_AND_BACK
    assert gateway.hellos[1][0] - gateway.hellos[0][0] >= 0.4


async def test_the_client_waits_for_retry_after_s_when_a_reconnect_is_refused(gateway: Gateway) -> None:
    async def refuse_next() -> None:
        gateway.refusals = [(OVERLOADED, 1013)]
        await gateway.close(RESTART)

    async with Client.connect(gateway.url, PHONE) as client:
        speaker = await Speaker({1: refuse_next}).run(client, speech(1_500))
        assert client.reconnects == 1
    speaker.assert_complete(1_500)
    _, refused, resumed = (at for at, _ in gateway.hellos)
    assert resumed - refused >= 0.4


async def test_a_session_that_the_server_has_lost_continues_as_a_new_one(gateway: Gateway) -> None:
    audio = speech(3_000)
    first = None

    async def forget() -> None:
        nonlocal first
        first = gateway.session
        gateway.sessions.clear()
        await gateway.close(RESTART)

    async with Client.connect(gateway.url, PHONE) as client:
        await client.send_message(Configure(translate_to=("es",)))
        speaker = await Speaker({2: forget}).run(client, audio)
    speaker.assert_complete(3_000)
    assert first is not None
    new_start = gateway.session.start
    assert (new_start.audio_from_ms, new_start.utterance, new_start.translate_to) == (1_000, 2, ("es",))
    assert first.audio[: 1_000 * MS] + gateway.session.audio == audio


async def test_the_client_moves_from_a_draining_gateway_without_a_notice(gateway: Gateway) -> None:
    audio = speech(3_000)
    async with serving(Gateway(gateway.sessions)) as other:
        async with Client.connect([gateway.url, other.url], PHONE) as client:
            speaker = await Speaker({2: lambda: send(gateway.sockets[0], Draining(within_s=9))}).run(client, audio)
            async with asyncio.timeout(5):
                await gateway.sockets[0].wait_closed()
        assert isinstance(other.hellos[0][1], Resume)
    speaker.assert_complete(3_000)
    assert other.session.audio == audio
    assert {type(event) for event in speaker.events} == {Final}


async def test_connections_rotate_over_the_gateways_and_skip_one_that_is_down(gateway: Gateway) -> None:
    down = f"ws://127.0.0.1:{free_port()}"
    async with serving(Gateway(gateway.sessions)) as other:
        async with Client.connect([down, gateway.url, other.url], PHONE) as client:
            steps = {1: lambda: gateway.close(RESTART), 2: lambda: other.close(RESTART)}
            speaker = await Speaker(steps).run(client, speech(2_000))
        assert (len(gateway.hellos), len(other.hellos)) == (2, 1)
    speaker.assert_complete(2_000)


async def test_changed_options_are_sent_again(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await client.send_message(Configure(endpoint_ms=900))
        await client.send_message(Configure(language="de"))
        await Speaker({1: lambda: gateway.close(RESTART)}).run(client, speech(1_500))
    again = gateway.session.configured[2:]
    assert [(options.language, options.endpoint_ms, options.partials) for options in again] == [("de", 900, True)]


async def test_a_long_file_arrives_complete_over_a_slow_network_that_breaks(gateway: Gateway) -> None:
    audio = speech(3 * CAPACITY_MS)
    began = time.monotonic()
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        proxy.bytes_per_s = BYTES_PER_S
        speaker = Speaker({50: proxy.cut, 100: proxy.cut, 200: proxy.cut})
        tasks.create_task(speaker.listen(client))
        await client.send(audio)
        await client.stop()
    assert client.reconnects == 3
    assert time.monotonic() - began >= len(audio) / BYTES_PER_S
    speaker.assert_complete(3 * CAPACITY_MS)
    assert gateway.session.audio == audio


async def test_without_a_connection_a_minute_of_audio_is_buffered_and_then_send_waits(gateway: Gateway) -> None:
    audio = speech(CAPACITY_MS + BLOCK_MS)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        proxy.refuse = True
        proxy.cut()
        assert (await anext(aiter(client))) == Notice(
            code="connection_lost", message="the connection was closed: without a close frame; reconnecting"
        )
        speaker = Speaker()
        tasks.create_task(speaker.listen(client))
        async with asyncio.timeout(10):
            await client.send(audio[: CAPACITY_MS * MS])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.send(audio[CAPACITY_MS * MS :])
        proxy.refuse = False
        await client.send(audio[CAPACITY_MS * MS :])
        await client.stop()
    assert proxy.accepted >= 2
    speaker.assert_complete(CAPACITY_MS + BLOCK_MS)
    assert gateway.session.audio == audio


async def test_wait_until_received_waits_for_the_current_connection(gateway: Gateway) -> None:
    audio = speech(1_000)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(Speaker().listen(client))
        proxy.stall()
        await client.send(audio)
        waiting = tasks.create_task(client.wait_until_received())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        proxy.cut()
        proxy.flow()
        await waiting
        assert gateway.session.audio == audio
        listening.cancel()


async def test_a_slow_network_only_adds_delay(gateway: Gateway) -> None:
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        proxy.delay_s = 0.05
        began = time.monotonic()
        await client.wait_until_received()
        assert time.monotonic() - began >= 0.1
        speaker = await Speaker().run(client, speech(1_000))
    speaker.assert_complete(1_000)
    assert speaker.notices == []


# --- without a reconnect


async def assert_ended(client: Client) -> None:
    with pytest.raises(DisconnectedError):
        await client.send(b"x")
    with pytest.raises(DisconnectedError):
        await client.stop()
    with pytest.raises(DisconnectedError):
        await client.wait_until_received()


@pytest.mark.parametrize("last_event", [(), (Error(code="taken_over", message="elsewhere", fatal=True),)])
async def test_a_session_that_was_taken_over_ends(gateway: Gateway, last_event: tuple[Error, ...]) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await send(gateway.sockets[0], *last_event)
        await gateway.close(4001)
        with pytest.raises(ServerError) as ended:
            await anext(aiter(client))
        assert (ended.value.code, ended.value.close_code) == ("taken_over", 4001)
        await assert_ended(client)
    assert len(gateway.hellos) == 1


@pytest.mark.parametrize("code", [1000, 1003, 1008])
async def test_the_client_does_not_reconnect_after_permanent_close_codes(gateway: Gateway, code: int) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await gateway.close(code)
        with pytest.raises(DisconnectedError, match=f"{code}"):
            await anext(aiter(client))
    assert len(gateway.hellos) == 1


async def test_a_permanent_refusal_to_resume_is_raised(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        gateway.refusals = [(Error(code="over_quota", message="enough", fatal=True), 1008)]
        await gateway.close(RESTART)
        with pytest.raises(ServerError, match="enough"):
            await Speaker().listen(client)


async def test_a_refused_start_is_raised_with_retry_after_s(gateway: Gateway) -> None:
    gateway.refusals = [(OVERLOADED, 1013)]
    with pytest.raises(ServerError, match="full") as refused:
        async with Client.connect([gateway.url, gateway.url], PHONE):
            pass
    assert (refused.value.code, refused.value.close_code, refused.value.retry_after_s) == ("overloaded", 1013, 0.4)
    assert len(gateway.hellos) == 1


async def test_the_client_gives_up_after_the_reconnect_timeout(gateway: Gateway) -> None:
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE, reconnect_timeout_s=0.3) as client:
        proxy.refuse = True
        proxy.cut()
        with pytest.raises(DisconnectedError, match="could not be restored"):
            await Speaker().listen(client)
        assert proxy.accepted >= 2


@pytest.mark.parametrize(
    ("start", "resume", "token"),
    [(PHONE, False, "secret"), (PHONE, True, ""), (Start(audio=AudioFormat(encoding="webm")), True, "secret")],
    ids=["resume=False", "no resume token", "webm"],
)
async def test_a_session_that_cannot_be_resumed_ends_with_its_connection(
    gateway: Gateway, start: Start, resume: bool, token: str
) -> None:
    gateway.token = token
    async with Client.connect(gateway.url, start, resume=resume) as client:
        await gateway.close(RESTART)
        with pytest.raises(DisconnectedError, match="1012"):
            await anext(aiter(client))
        await assert_ended(client)
    assert len(gateway.hellos) == 1


# --- the command


async def test_nova_mic_continues_after_a_lost_connection_and_reports_it(gateway: Gateway, tmp_path: Path) -> None:
    speaker = encode(tmp_path / "speaker.wav", noise(1.5))
    gateway.restarts = [1]
    done = await asyncio.to_thread(nova, "mic", "--file", speaker, "--server", gateway.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "2", "3"]
    assert [code for code in LOST_AND_BACK if f"({code})" in done.stderr] == LOST_AND_BACK
