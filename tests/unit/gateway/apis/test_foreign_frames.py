"""Any frames of a client, in any order and with any events between them, are messages or typed errors."""

import contextlib
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ClientError
from backend.messages.protocol import Error, Message, Start
from gateway.apis.ai_voice.codec import AiVoiceCodec
from gateway.apis.kyutai.codec import KyutaiCodec
from gateway.apis.kyutai.parameters import KyutaiParameters
from gateway.apis.original.codec import OriginalCodec
from gateway.apis.wyoming.codec import WyomingCodec
from gateway.apis.wyoming.info import RunningSpeech
from gateway.connection.codec import Codec, Decoded, DeferredReply, Frame
from tests.testkit.native_events import EVENTS, TEXT_FRAMES

VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9) | st.lists(st.floats())
KINDS = st.sampled_from(
    [
        *("start", "chunk", "state_change", "end"),  # the streaming-STT module
        *("Init", "Audio", "OggOpus", "Marker"),  # Kyutai
        *("set_langs", "get_status", "start_over"),  # the original client
    ]
)
FIELDS = st.dictionaries(
    st.sampled_from(["audio_b64", "state", "sample_rate", "pcm", "data", "id", "source_language", "target_language"]),
    VALUES,
    max_size=3,
)
MESSAGES = st.builds(lambda kind, fields: {**fields, "type": kind}, KINDS, FIELDS)


def _as_text(message: dict[str, object]) -> str:
    return json.dumps(message, default=repr)


def _with_length(frame: bytes) -> bytes:
    return len(frame).to_bytes(4, "little") + frame


def _packed(message: dict[str, object]) -> bytes:
    packed: bytes = msgpack.packb(message, default=repr)
    return packed


# Integers of MessagePack have 64 bits.
PACKABLE = MESSAGES.filter(
    lambda message: all(abs(value) < 2**63 for value in message.values() if isinstance(value, int))
)
ORIGINAL_AUDIO = st.sampled_from([b'{"sampleRate":16000}', b'{"sampleRate":8000}', b"{}", b"[]"]).map(_with_length)
FRAMES: st.SearchStrategy[list[Frame]] = st.lists(
    st.one_of(
        TEXT_FRAMES,
        st.binary(max_size=12),
        MESSAGES.map(_as_text),
        PACKABLE.map(_packed),
        st.builds(bytes.__add__, ORIGINAL_AUDIO, st.binary(max_size=4)),
    ),
    max_size=10,
)
WYOMING_LINES = st.builds(
    lambda kind, data: (json.dumps({"type": kind, "data": data}) + "\n").encode(),
    st.sampled_from(["describe", "ping", "transcribe", "audio-start", "audio-chunk", "audio-stop", "other"]),
    st.dictionaries(
        st.sampled_from(["rate", "width", "channels", "language", "name", "text"]),
        st.integers(0, 9) | st.text(max_size=4),
    )
    | st.just({"rate": 16_000, "width": 2, "channels": 1}),
)


def codecs() -> dict[str, Codec]:
    return {
        "ai_voice": AiVoiceCodec("session", lambda: 0.0, may_choose=True),
        "kyutai": KyutaiCodec(KyutaiParameters()),
        "kyutai raw": KyutaiCodec(KyutaiParameters.parse({}, "Pcm")),
        "original": OriginalCodec("client"),
    }


def play(codec: Codec, frames: list[Frame], events: list[Message]) -> list[Decoded]:
    """Frames and events in turn. Other errors than those with a code fail the test."""
    items = list(codec.open())
    for number in range(max(len(frames), len(events))):
        for frame in frames[number : number + 1]:
            with contextlib.suppress(ClientError):
                items += codec.decode(frame)
        is_started = any(isinstance(item, Start) for item in items)
        for event in events[number : number + 1]:
            if is_started or isinstance(event, Error):  # there are no results without a session
                codec.encode(event)
    for item in items:
        if isinstance(item, DeferredReply):
            item.build()
    return items


@pytest.mark.parametrize("name", codecs())
@given(FRAMES, EVENTS)
def test_any_frames_and_events_are_messages_or_typed_errors(
    name: str, frames: list[Frame], events: list[Message]
) -> None:
    items = play(codecs()[name], frames, events)
    assert sum(isinstance(item, Start) for item in items) <= 1, "a connection has one session"


@given(st.lists(WYOMING_LINES | st.binary(max_size=12), max_size=8), EVENTS)
def test_any_lines_of_wyoming_are_events_or_typed_errors(lines: list[Frame], events: list[Message]) -> None:
    codec = WyomingCodec(lambda: RunningSpeech(frozenset({"base"}), frozenset({"en"}), "1"))
    play(codec, lines, events)
