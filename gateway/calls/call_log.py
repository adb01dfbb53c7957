"""The events of a call as JSON, for a webhook: one sequence with the text of all tracks. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.messages.channels import ChannelEvent, Done
from backend.messages.protocol import Error, Final, Message, Translation
from gateway.connection.codec import DirectReply


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """`id` is ours and unique; `provider` and `ids` are those of the telephone system, `own` the caller's parameters.

    `speakers` names the channels of the audio.
    """

    id: str
    provider: str
    ids: Mapping[str, str]
    speakers: tuple[str, ...]
    own: Mapping[str, str]


class CallEvent(str):
    """An event as JSON, without its number. It is no frame for the telephone system."""

    def is_of(self, kind: str) -> bool:
        """Whether this is its type."""
        return self.startswith(f'{{"type":"{kind}"')


class CallLog:
    """Numbers the events of one call. A receiver finds duplicates by `id`, and gaps by `sequence`."""

    def __init__(self, identity: CallIdentity) -> None:
        self.identity = identity
        self._sequence = 0
        self.is_ended = False

    @property
    def is_started(self) -> bool:
        """Whether there are events."""
        return self._sequence > 0

    def started(self) -> CallEvent:
        """The first event."""
        return _event("call.started")

    def dtmf(self, digit: str, speaker: str) -> CallEvent:
        """A key was pressed."""
        return _event("call.dtmf", speaker=speaker, digit=digit)

    def encode(self, event: Message) -> Sequence[CallEvent]:
        """Translate an event of the session. Only results and what takes their place have a counterpart."""
        match event:
            case Final(text=""):
                return ()
            case Final():
                return (self._result("call.final", event),)
            case Translation(is_final=True):
                return (self._result("call.translation", event),)
            case Error() if event.fatal or event.utterance is not None:
                return (self._result("call.error", event),)
            case Done():
                return (ended("completed"),)
        return ()

    def number(self, event: CallEvent) -> tuple[str, str]:
        """The id of an event, and the whole event. They are numbered when they are sent."""
        self._sequence += 1
        self.is_ended = self.is_ended or event.is_of("call.ended")
        call, event_id = self.identity, f"{self.identity.id}-{self._sequence}"
        about = {"id": call.id, "provider": call.provider, **call.ids, "parameters": dict(call.own)}
        lead = _to_json({"id": event_id, "sequence": self._sequence, "call": about})
        return event_id, f"{lead[:-1]},{event[1:]}"

    def _result(self, kind: str, event: ChannelEvent) -> CallEvent:
        data = event.model_dump(mode="json", exclude_none=True, exclude={"type", "cursor", "channel"})
        is_of_channel = event.channel is not None or len(self.identity.speakers) == 1
        speaker = {"speaker": self.identity.speakers[event.channel or 0]} if is_of_channel else {}
        return _event(kind, **{**data, **speaker})


def ended(reason: str) -> CallEvent:
    """The last event. "completed": the call has ended, and all results precede it."""
    return _event("call.ended", reason=reason)


def call_reply(event: CallEvent) -> DirectReply:
    """An event that a codec sends in order with those of the session."""
    # Validation would turn it into a plain string.
    return DirectReply.model_construct(frames=(event,))


def _event(kind: str, **data: Any) -> CallEvent:
    return CallEvent(_to_json({"type": kind, **data}))


def _to_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
