"""The Python client on a bad network: every final once, every sample heard, whatever breaks in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.client.client import Client, DisconnectedError, ServerError
from backend.client.replay_buffer import KEPT_MS
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
    Talk,
    refuse,
    serving,
    speech,
    tell,
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


async def test_a_connection_that_is_cut_again_and_again_costs_nothing(gateway: Gateway) -> None:
    audio = speech(4_000)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        talk = await Talk({2: proxy.cut, 4: proxy.cut, 6: proxy.cut}, ahead=1).of(client, audio)
        assert client.reconnects == 3
        assert client.ready.session == "session 1"
    talk.assert_whole(4_000)
    assert gateway.told.heard == audio
    assert talk.notices == LOST_AND_BACK * 3
    resumed = gateway.hellos[1][1]
    assert isinstance(resumed, Resume)
    assert resumed.utterance in (2, 3)
    assert (resumed.audio_from_ms, resumed.cursor) == (resumed.utterance * UTTERANCE_MS, f"{resumed.utterance}-0")


async def test_what_was_said_into_a_stalled_connection_is_said_again_up_to_the_stop(gateway: Gateway) -> None:
    audio, said = speech(2_200), 1_100 * MS
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        await client.send(audio[:said])
        talk = Talk(events=[await anext(aiter(client)), await anext(aiter(client))])
        proxy.stall()
        await client.send(audio[said:])
        await client.stop()
        proxy.cut()
        proxy.flow()
        await talk.listen(client)
    talk.assert_whole(2_200)
    assert gateway.told.heard == audio


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
async def test_a_server_that_goes_away_is_come_back_to(gateway: Gateway, code: int) -> None:
    audio = speech(1_500)
    async with Client.connect(gateway.url, PHONE) as client:
        talk = await Talk({1: lambda: gateway.close(code)}).of(client, audio)
    talk.assert_whole(1_500)
    assert gateway.told.heard == audio
    assert talk.notices == LOST_AND_BACK


async def test_a_fatal_error_that_passes_is_come_back_from_when_the_server_says(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        talk = await Talk({1: lambda: refuse(gateway.sockets[0], OVERLOADED, 1013)}).of(client, speech(1_500))
    talk.assert_whole(1_500)
    assert talk.notices == LOST_AND_BACK
    assert gateway.hellos[1][0] - gateway.hellos[0][0] >= 0.4


async def test_a_full_server_is_tried_again_when_it_said_so(gateway: Gateway) -> None:
    async def crowd() -> None:
        gateway.refusals = [(OVERLOADED, 1013)]
        await gateway.close(RESTART)

    async with Client.connect(gateway.url, PHONE) as client:
        talk = await Talk({1: crowd}).of(client, speech(1_500))
        assert client.reconnects == 1
    talk.assert_whole(1_500)
    _, refused, resumed = (at for at, _ in gateway.hellos)
    assert resumed - refused >= 0.4


async def test_a_session_that_the_server_has_lost_goes_on_as_a_new_one(gateway: Gateway) -> None:
    audio = speech(3_000)
    first = None

    async def forget() -> None:
        nonlocal first
        first = gateway.told
        gateway.sessions.clear()
        await gateway.close(RESTART)

    async with Client.connect(gateway.url, PHONE) as client:
        await client.say(Configure(translate_to=("es",)))
        talk = await Talk({2: forget}).of(client, audio)
    talk.assert_whole(3_000)
    assert first is not None
    anew = gateway.told.start
    assert (anew.audio_from_ms, anew.utterance, anew.translate_to) == (1_000, 2, ("es",))
    assert first.heard[: 1_000 * MS] + gateway.told.heard == audio


async def test_a_gateway_that_drains_is_left_for_the_next_without_a_word(gateway: Gateway) -> None:
    audio = speech(3_000)
    async with serving(Gateway(gateway.sessions)) as other:
        async with Client.connect([gateway.url, other.url], PHONE) as client:
            talk = await Talk({2: lambda: tell(gateway.sockets[0], Draining(within_s=9))}).of(client, audio)
            async with asyncio.timeout(1):
                await gateway.sockets[0].wait_closed()
        assert isinstance(other.hellos[0][1], Resume)
    talk.assert_whole(3_000)
    assert other.told.heard == audio
    assert {type(event) for event in talk.events} == {Final}


async def test_connections_go_to_the_gateways_in_turn_and_past_one_that_is_down(gateway: Gateway) -> None:
    nobody = f"ws://127.0.0.1:{free_port()}"
    async with serving(Gateway(gateway.sessions)) as other:
        async with Client.connect([nobody, gateway.url, other.url], PHONE) as client:
            steps = {1: lambda: gateway.close(RESTART), 2: lambda: other.close(RESTART)}
            talk = await Talk(steps).of(client, speech(2_000))
        assert (len(gateway.hellos), len(other.hellos)) == (2, 1)
    talk.assert_whole(2_000)


async def test_options_that_were_changed_are_said_again(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await client.say(Configure(endpoint_ms=900))
        await client.say(Configure(language="de"))
        await Talk({1: lambda: gateway.close(RESTART)}).of(client, speech(1_500))
    again = gateway.told.configured[2:]
    assert [(options.language, options.endpoint_ms, options.partials) for options in again] == [("de", 900, True)]


async def test_a_long_file_sent_at_once_through_a_narrow_breaking_network_is_heard_whole(gateway: Gateway) -> None:
    audio = speech(3 * KEPT_MS)
    began = time.monotonic()
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        proxy.bytes_per_s = BYTES_PER_S
        talk = Talk({50: proxy.cut, 100: proxy.cut, 200: proxy.cut})
        tasks.create_task(talk.listen(client))
        await client.send(audio)
        await client.stop()
    assert client.reconnects == 3
    assert time.monotonic() - began >= len(audio) / BYTES_PER_S
    talk.assert_whole(3 * KEPT_MS)
    assert gateway.told.heard == audio


async def test_without_a_connection_a_minute_is_taken_at_once_and_then_sending_waits(gateway: Gateway) -> None:
    audio = speech(KEPT_MS + BLOCK_MS)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        proxy.refuse = True
        proxy.cut()
        assert (await anext(aiter(client))) == Notice(
            code="connection_lost", message="the connection was closed: without a word; trying to go on"
        )
        talk = Talk()
        tasks.create_task(talk.listen(client))
        async with asyncio.timeout(2):
            await client.send(audio[: KEPT_MS * MS])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.send(audio[KEPT_MS * MS :])
        proxy.refuse = False
        await client.send(audio[KEPT_MS * MS :])
        await client.stop()
    assert proxy.accepted >= 2
    talk.assert_whole(KEPT_MS + BLOCK_MS)
    assert gateway.told.heard == audio


async def test_caught_up_means_read_by_the_connection_that_stands(gateway: Gateway) -> None:
    audio = speech(1_000)
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(Talk().listen(client))
        proxy.stall()
        await client.send(audio)
        waiting = tasks.create_task(client.caught_up())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        proxy.cut()
        proxy.flow()
        await waiting
        assert gateway.told.heard == audio
        listening.cancel()


async def test_a_slow_network_is_only_slow(gateway: Gateway) -> None:
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE) as client:
        proxy.delay_s = 0.05
        began = time.monotonic()
        await client.caught_up()
        assert time.monotonic() - began >= 0.1
        talk = await Talk().of(client, speech(1_000))
    talk.assert_whole(1_000)
    assert talk.notices == []


# --- what is not come back from


async def assert_over(client: Client) -> None:
    with pytest.raises(DisconnectedError):
        await client.send(b"x")
    with pytest.raises(DisconnectedError):
        await client.stop()
    with pytest.raises(DisconnectedError):
        await client.caught_up()


@pytest.mark.parametrize("farewell", [(), (Error(code="taken_over", message="elsewhere", fatal=True),)])
async def test_a_session_that_was_taken_over_is_over(gateway: Gateway, farewell: tuple[Error, ...]) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await tell(gateway.sockets[0], *farewell)
        await gateway.close(4001)
        with pytest.raises(ServerError) as over:
            await anext(aiter(client))
        assert (over.value.code, over.value.close_code) == ("taken_over", 4001)
        await assert_over(client)
    assert len(gateway.hellos) == 1


@pytest.mark.parametrize("code", [1000, 1003, 1008])
async def test_a_connection_that_is_closed_for_good_is_not_replaced(gateway: Gateway, code: int) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        await gateway.close(code)
        with pytest.raises(DisconnectedError, match=f"{code}"):
            await anext(aiter(client))
    assert len(gateway.hellos) == 1


async def test_a_refusal_to_resume_is_the_users_to_know(gateway: Gateway) -> None:
    async with Client.connect(gateway.url, PHONE) as client:
        gateway.refusals = [(Error(code="over_quota", message="enough", fatal=True), 1008)]
        await gateway.close(RESTART)
        with pytest.raises(ServerError, match="enough"):
            await Talk().listen(client)


async def test_a_refused_start_is_raised_with_the_time_to_wait(gateway: Gateway) -> None:
    gateway.refusals = [(OVERLOADED, 1013)]
    with pytest.raises(ServerError, match="full") as refused:
        async with Client.connect([gateway.url, gateway.url], PHONE):
            pass
    assert (refused.value.code, refused.value.close_code, refused.value.retry_after_s) == ("overloaded", 1013, 0.4)
    assert len(gateway.hellos) == 1


async def test_patience_ends(gateway: Gateway) -> None:
    async with behind(gateway) as proxy, Client.connect(proxy.url, PHONE, patience_s=0.3) as client:
        proxy.refuse = True
        proxy.cut()
        with pytest.raises(DisconnectedError, match="did not come back"):
            await Talk().listen(client)
        assert proxy.accepted >= 2


@pytest.mark.parametrize(
    ("start", "resume", "token"),
    [(PHONE, False, "secret"), (PHONE, True, ""), (Start(audio=AudioFormat(encoding="webm")), True, "secret")],
    ids=["not wanted", "not offered", "webm"],
)
async def test_what_is_not_to_be_resumed_ends_with_its_connection(
    gateway: Gateway, start: Start, resume: bool, token: str
) -> None:
    gateway.token = token
    async with Client.connect(gateway.url, start, resume=resume) as client:
        await gateway.close(RESTART)
        with pytest.raises(DisconnectedError, match="1012"):
            await anext(aiter(client))
        await assert_over(client)
    assert len(gateway.hellos) == 1


# --- the command


async def test_captions_go_on_after_a_lost_connection_and_say_so_calmly(gateway: Gateway, tmp_path: Path) -> None:
    talk = encode(tmp_path / "talk.wav", noise(1.5))
    gateway.restarts = [1]
    done = await asyncio.to_thread(nova, "mic", "--file", talk, "--server", gateway.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "2", "3"]
    assert [code for code in LOST_AND_BACK if f"({code})" in done.stderr] == LOST_AND_BACK
