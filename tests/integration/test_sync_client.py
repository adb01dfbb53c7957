"""The blocking client, and the deprecated import path of the client."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import nova_voice
import pytest

from backend.local.processes import free_port
from tests.conftest import run_in_thread
from tests.testkit.servers.fake_gateway import PHONE, RESTART, UTTERANCE_MS, Gateway, serving, speech


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway in an event loop of its own."""
    with run_in_thread(serving(Gateway())) as up:
        yield up


@dataclass
class Finals:
    """The finals among the events of a client."""

    ends_ms: list[int]
    notices: list[str]

    @classmethod
    def of(cls, client: nova_voice.SyncClient) -> "Finals":
        events = list(client)
        return cls(
            [event.end_ms for event in events if isinstance(event, nova_voice.Final)],
            [event.code for event in events if isinstance(event, nova_voice.Notice)],
        )


def test_audio_sent_before_the_iteration_gets_all_its_finals(gateway: Gateway) -> None:
    with nova_voice.SyncClient.connect(gateway.url, PHONE) as client:
        assert client.ready.session == "session 1"
        client.send_message(nova_voice.Configure(language="de"))
        client.send(speech(1_200))
        client.wait_until_received()
        client.stop()
        assert Finals.of(client) == Finals([500, 1_000, 1_200], [])
        assert list(client) == []
    assert gateway.session.audio == speech(1_200)
    assert [configure.language for configure in gateway.session.configured] == ["de"]


def test_one_thread_may_send_while_another_iterates(gateway: Gateway) -> None:
    with nova_voice.SyncClient.connect(gateway.url, PHONE) as client:

        def send() -> None:
            for _ in range(4):
                client.send(speech(UTTERANCE_MS))
            client.stop()

        sending = threading.Thread(target=send)
        sending.start()
        assert len(Finals.of(client).ends_ms) == 4
        sending.join()


def test_a_lost_connection_is_replaced_in_the_background(gateway: Gateway) -> None:
    gateway.restarts = [1]
    with nova_voice.SyncClient.connect([gateway.url], PHONE) as client:
        client.send(speech(1_500))
        client.stop()
        assert Finals.of(client) == Finals([500, 1_000, 1_500], ["connection_lost", "connection_restored"])
        assert client.reconnects == 1


def test_an_error_ends_the_iteration_and_sending(gateway: Gateway) -> None:
    gateway.restarts = [1]
    with nova_voice.SyncClient.connect(gateway.url, PHONE, resume=False) as client:
        client.send(speech(UTTERANCE_MS))
        with pytest.raises(nova_voice.DisconnectedError, match=f"{RESTART}"):
            list(client)
        with pytest.raises(nova_voice.DisconnectedError):
            client.send(speech(UTTERANCE_MS))


def test_a_refused_start_and_an_unreachable_server_are_raised_by_connect(gateway: Gateway) -> None:
    gateway.refusals = [(nova_voice.Error(code="overloaded", message="full", fatal=True, retry_after_s=0.4), 1013)]
    with pytest.raises(nova_voice.ServerError, match="full") as refused:
        nova_voice.SyncClient.connect(gateway.url, PHONE)
    assert refused.value.retry_after_s == 0.4
    with pytest.raises(OSError, match=r"refused|Connect"):
        nova_voice.SyncClient.connect(f"ws://127.0.0.1:{free_port()}", PHONE)
    assert not [thread for thread in threading.enumerate() if thread.name == "nova_voice"]


def test_close_ends_a_waiting_iteration_and_may_be_called_twice(gateway: Gateway) -> None:
    client = nova_voice.SyncClient.connect(gateway.url, PHONE)
    threading.Timer(0.1, client.close).start()
    with pytest.raises(nova_voice.DisconnectedError, match="closed"):
        next(client)
    client.close()
    with pytest.raises(nova_voice.DisconnectedError, match="closed"):
        client.send(b"x")


def test_too_many_unread_events_end_the_session(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.client.sync_client.MAX_UNREAD_EVENTS", 2)
    with nova_voice.SyncClient.connect(gateway.url, PHONE) as client:
        client.send(speech(5 * UTTERANCE_MS))
        client.stop()
        while client._events.qsize() < 3:
            time.sleep(0.01)
        assert [next(client).type, next(client).type] == ["final", "final"]
        with pytest.raises(nova_voice.DisconnectedError, match="2 events were not read"):
            next(client)


def test_the_old_import_path_works_with_a_warning(gateway: Gateway) -> None:
    with pytest.warns(DeprecationWarning, match="import Client from nova_voice"):
        from backend.client import Client as OldClient

    async def transcribe() -> list[str]:
        async with OldClient.connect(gateway.url, PHONE, patience_s=1.0) as client:
            await client.say(nova_voice.Configure(language="de"))
            await client.send(speech(UTTERANCE_MS))
            await client.caught_up()
            await client.stop()
            return [event.type async for event in client]

    assert asyncio.run(transcribe()) == ["final"]
    with pytest.raises(ImportError):
        from backend.client import NoSuchName  # noqa: F401
