"""The numbered events of a call among what a codec returns."""

import json
from typing import Any

from gateway.calls.call_log import CallEvent
from gateway.calls.call_socket import CallCodec
from gateway.connection.codec import Decoded, DirectReply


def call_events(codec: CallCodec, *items: Decoded | str | bytes) -> list[dict[str, Any]]:
    """The events, as a webhook receives them."""
    assert codec.log
    frames = [frame for item in items for frame in (item.frames if isinstance(item, DirectReply) else (item,))]
    return [json.loads(codec.log.number(frame)[1]) for frame in frames if isinstance(frame, CallEvent)]


def on_connection(codec: CallCodec, *frames: str | bytes) -> list[str | bytes]:
    """The frames that the telephone system receives, with `events=socket`."""
    assert codec.log
    return [
        codec.event_frame(frame, codec.log.number(frame)[1]) if isinstance(frame, CallEvent) else frame
        for frame in frames
    ]
