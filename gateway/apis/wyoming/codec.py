"""Wyoming, as Home Assistant uses it: one transcription. Pure.

A connection has any number of transcriptions, one after the other. Each is a session with a codec of its own.
"""

from collections.abc import Callable, Sequence

from backend.errors import AudioError, ClientError, ProtocolError
from backend.messages.options import MAX_HOTWORDS
from backend.messages.protocol import AudioFormat, Done, Error, Final, Keepalive, Message, Start, Stop
from backend.text.writing_systems import join_texts
from gateway.apis.wyoming.events import (
    AudioChunkFormat,
    PingRequest,
    TranscribeRequest,
    WyomingEvent,
    error_frame,
    parse_event,
    to_frame,
)
from gateway.apis.wyoming.info import PROGRAM, RunningSpeech
from gateway.connection.codec import Decoded, DirectReply
from gateway.protocols import ProtocolName

# Bytes of a sample: signed 16-bit little-endian.
WIDTH = 2


def farewell(code: int, reason: str) -> bytes:
    """The last bytes of a connection: an error, if its reason has not been sent."""
    return b"" if code == 1000 or not reason else error_frame("the connection was closed", reason).encode()


class WyomingCodec:
    """The codec of one transcription. Each frame is a whole event. `running` returns what `info` describes."""

    protocol: ProtocolName = "wyoming"
    subprotocols: Sequence[str] = ()
    refuses_on_socket = True
    idle_timeout_s: float | None = None

    def __init__(self, running: Callable[[], RunningSpeech]) -> None:
        self._running = running
        self._request = TranscribeRequest()
        # That of `audio-start`.
        self._format: AudioChunkFormat | None = None
        self._start: Start | None = None
        self._transcript = TranscriptEvents()
        # Whether all audio is here, and whether the transcription has failed.
        self.is_stopped = self.is_failed = False

    @property
    def is_started(self) -> bool:
        """Whether `audio-start` has arrived, so that a session can be opened."""
        return self._start is not None

    def open(self) -> Sequence[Decoded]:
        """Start the session. `audio-start` arrived before it."""
        return (self._start,) if self._start else ()

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate an event. Unknown ones are ignored. Raises ClientError."""
        event = parse_event(frame.encode() if isinstance(frame, str) else frame)
        match event.kind:
            case "describe":
                return self._reply(self._info())
            case "ping":
                return self._reply(to_frame("pong", text=event.read(PingRequest).text))
            case "transcribe":
                self._prepare(event.read(TranscribeRequest))
            case "audio-start":
                self._begin(event.read(AudioChunkFormat))
            case "audio-chunk":
                return self._receive_audio(event)
            case "audio-stop":
                return self._stop()
        return ()

    def _info(self) -> str:
        running = self._running()
        # Home Assistant would keep an empty list of languages. After an error, it asks again.
        if not running.models:
            raise ClientError("no speech model is running yet; try again", code="model_unavailable", close_code=1013)
        return running.info()

    def _reply(self, frame: str) -> Sequence[Decoded]:
        """Answer at once. During a session, the client is not idle."""
        return (DirectReply(frames=(frame,)), *((Keepalive(),) if self.is_started else ()))

    def _prepare(self, request: TranscribeRequest) -> None:
        self._check_order(expects_audio=False, kind="transcribe")
        models = self._running().models
        if models and request.name not in (None, "", PROGRAM, *models):
            raise ProtocolError(f"no running model is named {request.name!r:.80}", code="model_not_found")
        self._request = request

    def _begin(self, audio: AudioChunkFormat) -> None:
        self._check_order(expects_audio=False, kind="audio-start")
        if audio.width != WIDTH:
            raise AudioError(f"samples must have {WIDTH} bytes, not {audio.width}")
        self._format = audio
        self._start = Start(
            audio=AudioFormat(sample_rate=audio.rate, channels=audio.channels),
            language=self._request.language or "auto",
            hotwords=_hotwords(self._request),
            # Nothing in the protocol replaces text, so partials would only cost the workers time.
            partials=False,
        )

    def _receive_audio(self, event: WyomingEvent) -> Sequence[Decoded]:
        self._check_order(expects_audio=True, kind=event.kind)
        if event.read(AudioChunkFormat) != self._format:
            raise ProtocolError("the format of the audio differs from `audio-start`", code="invalid_audio")
        return (event.payload,) if event.payload else ()

    def _stop(self) -> Sequence[Decoded]:
        self._check_order(expects_audio=True, kind="audio-stop")
        self.is_stopped = True
        return (Stop(),)

    def _check_order(self, *, expects_audio: bool, kind: str) -> None:
        if expects_audio and (self.is_stopped or not self.is_started):
            raise ProtocolError(f"{kind!r} before 'audio-start'", code="not_started")
        if self.is_started and not expects_audio:
            raise ProtocolError(f"{kind!r} before 'audio-stop'", code="already_started")

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart. After an error, nothing follows."""
        if self.is_failed:
            return ()
        match event:
            case Final():
                return self._transcript.add(event)
            case Error() if event.fatal or event.utterance is not None:
                # Without this utterance, the transcript would be incomplete.
                self.is_failed = True
                return (error_frame(event.message, event.code),)
            case Done():
                return self._transcript.finish()
        return ()

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes. The reason is empty if the client has it."""
        return code, "" if self.is_failed else reason

    def refusal(self, error: Error) -> str:
        """There is no HTTP response."""
        return ""


class TranscriptEvents:
    """The text of one transcription: its chunks, and the whole."""

    def __init__(self) -> None:
        self._text = ""
        self._language: str | None = None
        self._is_begun = False

    def add(self, final: Final) -> Sequence[str]:
        """The text of an utterance. All chunks together are the transcript."""
        if not final.text:
            return ()
        self._language = self._language or final.language or None
        before, self._text = self._text, join_texts([self._text, final.text])
        return (*self._begin(), to_frame("transcript-chunk", text=self._text[len(before) :]))

    def finish(self) -> Sequence[str]:
        """All text is here."""
        whole = to_frame("transcript", text=self._text, language=self._language)
        return (*self._begin(), whole, to_frame("transcript-stop"))

    def _begin(self) -> Sequence[str]:
        if self._is_begun:
            return ()
        self._is_begun = True
        return (to_frame("transcript-start", language=self._language),)


def _hotwords(request: TranscribeRequest) -> str:
    """As many of the names and terms as fit. Names are first, because they have priority."""
    hotwords = ""
    for word in (*(request.transcript_names or ()), *(request.transcript_terms or ())):
        longer = f"{hotwords}, {word}" if hotwords else word
        if len(longer) <= MAX_HOTWORDS:
            hotwords = longer
    return hotwords
