"""Clients of published sessions get the languages that they asked for, and readers get all."""

from typing import cast

import pytest

from backend.errors import NovaError
from backend.messages.protocol import Configure, Error, Final, Message, Notice, Start, Translation
from backend.streams.rooms.rooms import RedisRooms
from gateway.rooms.publishing.published_sender import PublishedSender
from gateway.rooms.publishing.publisher import RoomPublisher
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy


class Client:
    """Implements `Sender`: keeps what a client receives."""

    def __init__(self) -> None:
        self.received: list[Message] = []

    def send(self, event: Message) -> None:
        self.received.append(event)

    def send_error(self, error: NovaError, *, fatal: bool = False) -> None:
        raise error

    def fail(self, error: NovaError, close_code: int) -> None:
        raise error

    def close(self, code: int, reason: str) -> None: ...

    async def wait_until_half_empty(self) -> None: ...


class Published:
    """A session that has opened, its room if it has one, and its client."""

    def __init__(self, *targets: str, room: bool = True) -> None:
        self.session, self.client = Session("s", "c", SessionPolicy()), Client()
        self.session.receive_message(Start(translate_to=targets, room="talk" if room else None), 0.0)
        self.room = self.new_room() if room else None
        self.sender = PublishedSender(self.client, lambda: self.room, lambda: self.session.sharing.asked)

    @staticmethod
    def new_room() -> RoomPublisher:
        return RoomPublisher(cast("RedisRooms", None), "talk", "", "s")  # nothing here reaches Redis

    def received(self, *events: Message) -> list[Message]:
        self.client.received.clear()
        for event in events:
            self.sender.send(event)
        return self.client.received


def final(*targets: str) -> Final:
    return Final(
        utterance=1, text="x", language="en", confidence=1.0, start_ms=0, end_ms=1, translate_to=targets, cursor="1-0"
    )


def translation(language: str) -> Translation:
    return Translation(utterance=1, language=language, text="x", is_final=True, cursor="2-0")


OTHERS: list[Message] = [
    translation("es"),
    Notice(code="unsupported_pair", message="", utterance=1, language="es"),
    Error(code="overdue", message="", utterance=1, language="es"),
]
OWN: list[Message] = [final("fr"), translation("fr"), Error(code="overdue", message="", utterance=1)]


def test_the_client_gets_only_the_languages_that_it_asked_for() -> None:
    published = Published("fr")
    assert published.received(*OTHERS, final("fr", "es")) == [final("fr")]
    assert published.received(*OWN) == OWN
    assert published.room
    assert published.room.waiting == len(OTHERS) + 1 + len(OWN)


def test_translations_that_the_client_no_longer_asks_for_still_arrive() -> None:
    published = Published("fr")
    published.session.receive_message(Configure(translate_to=()), 0.0)
    assert published.received(translation("fr")) == [translation("fr")]


@pytest.mark.parametrize("targets", [(), ("fr",)])
def test_translations_for_readers_are_not_for_the_client_after_the_end_of_the_room(targets: tuple[str, ...]) -> None:
    published = Published(*targets)
    published.session.receive_message(Configure(room=""), 0.0)
    published.room = None
    assert published.received(*OTHERS, final(*targets, "es")) == [final(*targets)]


def test_sharing_loses_no_translation_that_the_client_asked_for_before() -> None:
    published = Published("fr", room=False)
    published.session.receive_message(Configure(translate_to=()), 0.0)
    published.session.receive_message(Configure(room="talk"), 0.0)
    published.room = published.new_room()
    assert published.received(*OWN) == OWN
