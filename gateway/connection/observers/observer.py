"""The interface of observers, and a group of them."""

from collections.abc import Sequence

from backend.messages.protocol import Message
from gateway.session.actions import Action


class SessionObserver:
    """Base class with methods that do nothing, so that an observer implements only the ones it needs."""

    def on_action(self, action: Action) -> None:
        """The session has decided this action. It is executed next."""

    def on_event_sent(self, event: Message) -> None:
        """This event has been written to the socket."""

    def on_close(self) -> None:
        """The connection has ended."""


class ObserverGroup(SessionObserver):
    """Passes everything on to several observers."""

    def __init__(self, observers: Sequence[SessionObserver]) -> None:
        self._observers = observers

    def on_action(self, action: Action) -> None:
        for observer in self._observers:
            observer.on_action(action)

    def on_event_sent(self, event: Message) -> None:
        for observer in self._observers:
            observer.on_event_sent(event)

    def on_close(self) -> None:
        for observer in self._observers:
            observer.on_close()
