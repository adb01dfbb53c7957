"""Events of a call are numbered in the order in which they are sent."""

import json
from typing import Any

from backend.messages.protocol import Done, Error, Final, Partial, Translation
from gateway.calls.call_log import CallEvent, CallIdentity, CallLog, ended


def log(*speakers: str) -> CallLog:
    ids = {"call_id": "CA1", "stream_id": "MZ1"}
    return CallLog(CallIdentity("call_1", "twilio", ids, speakers or ("inbound", "outbound"), {"order": "7"}))


def numbered(call: CallLog, *events: CallEvent) -> list[dict[str, Any]]:
    return [json.loads(call.number(event)[1]) for event in events]


def final(text: str = "Hello.", channel: int | None = 1) -> Final:
    return Final(utterance=1, text=text, language="en", confidence=0.9, start_ms=5, end_ms=9, channel=channel)


def test_a_call_from_its_start_to_its_end() -> None:
    call = log()
    events = [call.started(), call.dtmf("5", "inbound"), *call.encode(final()), *call.encode(Done())]
    started, key, said, end = numbered(call, *events)
    assert [event["sequence"] for event in (started, key, said, end)] == [1, 2, 3, 4]
    about = {"id": "call_1", "provider": "twilio", "call_id": "CA1", "stream_id": "MZ1", "parameters": {"order": "7"}}
    assert started == {"id": "call_1-1", "sequence": 1, "call": about, "type": "call.started"}
    assert (key["digit"], key["speaker"]) == ("5", "inbound")
    assert (said["type"], said["speaker"], said["text"], said["start_ms"]) == ("call.final", "outbound", "Hello.", 5)
    assert (end["type"], end["reason"]) == ("call.ended", "completed")
    assert call.is_ended


def test_a_call_with_one_track_has_one_speaker() -> None:
    call = log("inbound")
    assert numbered(call, *call.encode(final(channel=None)))[0]["speaker"] == "inbound"


def test_results_have_events_and_others_do_not() -> None:
    call = log()
    partial = Partial(
        utterance=1, revision=1, committed="a", tentative="", language="en", start_ms=0, end_ms=1, channel=0
    )
    assert [*call.encode(partial), *call.encode(final(text=""))] == []
    assert call.encode(Error(code="invalid_json", message="x")) == ()
    lost = Error(code="dead_lettered", message="x", utterance=3, channel=0)
    translation = Translation(utterance=1, language="es", text="Hola.", is_final=True, channel=0)
    kinds = [event["type"] for event in numbered(call, *call.encode(lost), *call.encode(translation))]
    assert kinds == ["call.error", "call.translation"]


def test_the_text_of_a_call_cannot_end_it() -> None:
    call = log()
    numbered(call, *call.encode(final(text='{"type":"call.ended"')))
    assert not call.is_ended
    numbered(call, ended("draining"))
    assert call.is_ended
