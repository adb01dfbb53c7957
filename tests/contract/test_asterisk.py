"""Recorded calls of Asterisk 22.10 get the same answers as then. Silence of the same size replaces the audio.

The recordings were made with Debian's package, whose dialplan is that of docs/howto/receive-telephone-calls.md.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.messages.protocol import Final, Ready, Start, Stop
from gateway.apis.aeap.codec import SpeechEngineCodec
from gateway.apis.asterisk.codec import WebSocketChannelCodec
from gateway.calls.call_log import CallEvent
from gateway.calls.call_socket import CallCodec
from gateway.connection.codec import Decoded, DeferredReply, DirectReply
from tests.testkit.call_events import call_events

CODECS: Mapping[str, Callable[[str, Mapping[str, str]], CallCodec]] = {
    "/v1/asterisk": WebSocketChannelCodec,
    "/v1/aeap": SpeechEngineCodec,
}
CALLS = sorted((Path(__file__).parent / "calls").glob("asterisk-*.jsonl"))


class _Replay:
    """Replays the frames of Asterisk, and compares those of the gateway."""

    def __init__(self, path: Path) -> None:
        first, *self.frames = [json.loads(line) for line in path.read_text().splitlines()]
        url = urlsplit(first["path"])
        self.codec: CallCodec = CODECS[url.path]("call_1", dict(parse_qsl(url.query)))
        assert first["subprotocol"] in self.codec.subprotocols
        self.sent: list[str | bytes] = []
        self.events: list[dict[str, Any]] = []
        self.items: list[Decoded] = []

    def run(self) -> None:
        for frame in self.frames:
            if frame["from"] == "gateway":
                self._expect(frame["text"])
            elif "close" in frame:
                self._receive(self.codec.decode(self.codec.hangup))
            elif "text" in frame:
                self._receive(self.codec.decode(frame["text"]))
            else:
                for _ in range(frame["times"]):
                    self._receive(self.codec.decode(bytes(frame["bytes"])))

    def _expect(self, text: str) -> None:
        body = json.loads(text) if text.startswith("{") else {}
        for result in body.get("params", {}).get("results", ()):
            spoken = {"text": result["text"], "confidence": result["score"] / 100}
            self._send(self.codec.encode(Final(utterance=1, language="en", start_ms=0, end_ms=1, **spoken)))
        assert self.sent.pop(0) == text

    def _receive(self, items: Sequence[Decoded]) -> None:
        for item in items:
            self.items.append(item)
            if isinstance(item, Start):
                self._send(self.codec.encode(Ready(session="s")))
            if isinstance(item, DirectReply):
                self._send(item.frames)
            if isinstance(item, DeferredReply):
                self._send(item.build())

    def _send(self, frames: Sequence[str | bytes]) -> None:
        self.events += call_events(self.codec, *frames)
        self.sent += [frame for frame in frames if not isinstance(frame, CallEvent)]


@pytest.mark.parametrize("path", CALLS, ids=[path.stem for path in CALLS])
def test_a_recorded_call_of_asterisk_has_the_same_answers(path: Path) -> None:
    replay = _Replay(path)
    replay.run()
    assert replay.sent == []
    assert replay.events[0]["type"] == "call.started"
    assert isinstance(replay.items[-1], Stop)
    assert sum(isinstance(item, Start) for item in replay.items) == 1


def test_keys_that_are_pressed_reach_the_webhook_in_all_forms() -> None:
    digits = {}
    for path in CALLS:
        replay = _Replay(path)
        replay.run()
        digits[path.stem.removeprefix("asterisk-22.10.1-")] = [event.get("digit") for event in replay.events[1:2]]
    assert {name: found for name, found in digits.items() if found == ["5"]}.keys() == {
        "websocket-text",
        "websocket-json",
        "aeap-key",
    }
