"""moshi-server's streaming recognition: audio and markers in, words with times out. Pure.

A word is sent once it is committed, and never taken back. Words of an utterance wait for the one before.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from backend.messages.protocol import (
    Error,
    Final,
    Finalize,
    Message,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    Word,
)
from gateway.apis.kyutai.messages import (
    STEP_SAMPLES,
    Reply,
    container_of,
    invalid,
    marker_of,
    pack,
    parse_message,
    samples_of,
    to_text,
)
from gateway.apis.kyutai.parameters import PACKED, KyutaiParameters
from gateway.apis.kyutai.words import CommittedWords
from gateway.apis.utterance_order import UtteranceOrder
from gateway.connection.codec import Decoded, DeferredReply, Frame
from gateway.protocols import ProtocolName

# Frames that end the audio. The first one is moshi-server's.
END_FRAMES = (b"\0", b"")
# The heads of Kyutai's model predict silence for 0.5, 1, 2 and 3 s. A speech detector knows the present only.
HEADS = 4


class KyutaiCodec:
    """The codec of one connection."""

    protocol: ProtocolName = "kyutai"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = False
    idle_timeout_s: float | None = None

    def __init__(self, parameters: KyutaiParameters) -> None:
        self._parameters = parameters
        self._is_stopped = self._is_speaking = False
        # Samples received, and steps that were completed with them.
        self._samples = self._steps = 0
        self._has_audio = False
        self._order = UtteranceOrder()
        self._words = CommittedWords()
        # Markers that wait for the end of an utterance.
        self._markers: dict[int, list[int]] = {}

    def open(self) -> Sequence[Decoded]:
        """Start at once: clients wait for `Ready`."""
        return (Start(audio=self._parameters.audio, **self._parameters.options()),)

    # --- from the client

    def decode(self, frame: Frame) -> Sequence[Decoded]:
        """Translate a message, or audio. Raises ProtocolError."""
        if self._is_stopped:
            return ()
        if isinstance(frame, str):
            raise invalid(self._expected)
        if frame in END_FRAMES:
            self._is_stopped = True
            return (Stop(),)
        return self._receive_message(parse_message(frame)) if self._parameters.is_packed else (frame,)

    def _receive_message(self, message: dict[str, Any]) -> Sequence[Decoded]:
        match message["type"]:
            case "Audio":
                return self._receive_samples(samples_of(message))
            case "OggOpus":
                return self._receive_container(container_of(message))
            case "Marker":
                marker = marker_of(message)
                return (Finalize(), DeferredReply(build=lambda: self._confirm(marker)))
            case "Init" if not self._has_audio:
                return (DeferredReply(build=lambda: [self._frame({"type": "Ready"})]),)
            case "Init":
                raise invalid("Init must come before audio")
        raise invalid(f"unknown message type {str(message['type'])[:40]!r}")

    def _receive_samples(self, data: bytes) -> Sequence[Decoded]:
        if self._parameters.format != PACKED:
            raise invalid("Audio needs a connection with format=PcmMessagePack, which is the default")
        self._has_audio = True
        self._samples += len(data) // 4
        first, self._steps = self._steps, self._samples // STEP_SAMPLES
        steps = DeferredReply(build=partial(self._describe_steps, first, self._steps, self._samples))
        return (data, steps) if self._steps > first else (data,)

    def _receive_container(self, data: bytes) -> Sequence[Decoded]:
        if self._parameters.format == PACKED:
            raise invalid("OggOpus needs a connection with format=OggOpusMessagePack")
        self._has_audio = True
        return (data,)

    @property
    def _expected(self) -> str:
        if self._parameters.is_packed:
            return "messages are binary frames with MessagePack"
        return "frames are raw audio at this address. The native protocol is at /v1/stream"

    # --- to the client

    def encode(self, event: Message) -> Sequence[Frame]:
        """Translate a native event. Some have no counterpart."""
        return [self._frame(reply) for reply in self._replies(event)]

    def _replies(self, event: Message) -> list[Reply]:
        match event:
            case Ready():
                return [{"type": "Ready"}]
            case SpeechStarted():
                self._is_speaking = True
                self._order.open(event.utterance)
            case SpeechEnded():
                self._is_speaking = False
            case Partial() | Final() | Error(utterance=int(), fatal=False):
                due = self._order.in_order(event.utterance or 0, event)
                return [reply for one in due for reply in self._show(one)]
            case Error(fatal=True):
                return [{"type": "Error", "message": event.message}]
        return []

    def _show(self, event: Message) -> list[Reply]:
        match event:
            case Partial():
                return _timed(self._words.commit(event))
            case Final():
                return [*_timed(self._words.finish(event)), *self._settle(event.utterance)]
            case Error(utterance=int() as utterance):
                # No `Error`: it would end the session in the view of the client.
                return self._settle(utterance)
        return []

    def _settle(self, utterance: int) -> list[Reply]:
        self._words = CommittedWords()
        self._order.settle(utterance)
        return [{"type": "Marker", "id": marker} for marker in self._markers.pop(utterance, ())]

    def _confirm(self, marker: int) -> list[Frame]:
        """Answer a marker after the last utterance in progress, or at once."""
        last = self._order.last
        if last is None:
            return [self._frame({"type": "Marker", "id": marker})]
        self._markers.setdefault(last, []).append(marker)
        return []

    def _describe_steps(self, first: int, end: int, samples: int) -> list[Frame]:
        """Each step of 80 ms, with the probability of a pause: 0 or 1, as the speech detector decides."""
        pause = [0.0 if self._is_speaking else 1.0] * HEADS
        return [
            self._frame(
                {"type": "Step", "step_idx": step, "prs": pause, "buffered_pcm": samples - (step + 1) * STEP_SAMPLES}
            )
            for step in range(first, end)
        ]

    def _frame(self, reply: Reply) -> Frame:
        return pack(reply) if self._parameters.is_packed else to_text(reply)

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are: moshi-server has none of its own."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """The error message as JSON."""
        return to_text({"type": "Error", "message": error.message})


def _timed(words: Sequence[Word]) -> list[Reply]:
    """Two messages for each word. Clients put spaces between words themselves."""
    replies: list[Reply] = []
    for word in words:
        replies.append({"type": "Word", "text": word.word.strip(), "start_time": word.start_ms / 1000})
        replies.append({"type": "EndWord", "stop_time": word.end_ms / 1000})
    return replies
