"""Soniox's real-time API: a configuration, then audio; tokens come back. Pure.

All tokens of an utterance become final with its native final, so none is taken back. Its translation follows, then
`<end>`. Tokens of the next utterance wait for it until they are final.
"""

import json
from collections.abc import Sequence
from functools import partial

from backend.messages.protocol import (
    Done,
    Draining,
    Error,
    Final,
    Finalize,
    Keepalive,
    Message,
    Notice,
    Partial,
    SpeechEnded,
    SpeechStarted,
    Translation,
)
from gateway.apis.received_audio import ReceivedAudio
from gateway.apis.soniox.configuration import SonioxConfiguration, invalid
from gateway.apis.soniox.responses import draining_response, error_code, error_response, response
from gateway.apis.soniox.tokens import END, FINALIZED, Token, TokenText, definitive, marker, tentative
from gateway.apis.soniox.translations import UtteranceTranslation
from gateway.apis.utterance_ends import UtteranceEnds
from gateway.apis.utterance_order import UtteranceOrder
from gateway.connection.codec import Decoded, DeferredReply, check_text
from gateway.protocols import ProtocolName

# Soniox closes a connection that has sent neither audio nor a message for this long.
IDLE_S = 20.0


class SonioxCodec:
    """The codec of one connection."""

    protocol: ProtocolName = "soniox"
    subprotocols: Sequence[str] = ("soniox-api-key",)
    refuses_on_socket = True

    def __init__(self) -> None:
        self._configuration: SonioxConfiguration | None = None
        self._audio = ReceivedAudio(None)
        self._draining = False
        # Why the session cannot be served, known only after it was opened.
        self._refusal = ""
        self._order = UtteranceOrder()
        self._text = TokenText()
        self._tentative: list[Token] = []
        self._translation = UtteranceTranslation(None)
        self._ends = UtteranceEnds()
        # Confirmations of `finalize` that are due, by utterance.
        self._finalized: dict[int, int] = {}
        # Utterances that a `finalize` has ended, so that they have no `<end>`.
        self._ended_by_request: set[int] = set()
        self._final_ms = self._total_ms = 0

    @property
    def idle_timeout_s(self) -> float | None:
        """Results after the end of the audio may take longer."""
        return None if self._audio.is_stopped else IDLE_S

    def open(self) -> Sequence[Decoded]:
        """Start at once if the route has received the configuration."""
        return self._audio.start()

    # --- from the client

    def configure(self, frame: str) -> str:
        """Take the first message. Return the key in it, or "". Raises ProtocolError."""
        self._configuration = SonioxConfiguration.parse(frame)
        self._audio = ReceivedAudio(self._configuration.audio, self._configuration.options)
        self._translation = UtteranceTranslation(self._configuration.translation)
        return self._configuration.key

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a message, or audio. Raises ProtocolError."""
        if isinstance(frame, str):
            check_text(frame)
        if self._refusal:
            raise invalid(self._refusal)
        if self._configuration is None:
            if isinstance(frame, bytes):
                raise invalid("the first message must be a configuration as JSON")
            self.configure(frame)
            return self._audio.start()
        if not frame:
            return self._audio.stop()
        return self._receive_audio(frame) if isinstance(frame, bytes) else self._control(frame)

    def _control(self, frame: str) -> Sequence[Decoded]:
        try:
            kind = json.loads(frame)["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise invalid("a text message must be a JSON object with a type, or empty") from None
        match kind:
            case "keepalive":
                return (Keepalive(),) if self._audio.is_started else ()
            case "finalize":
                reply = DeferredReply(build=partial(self._confirm_finalize, self._ends.last))
                return (Finalize(), reply) if self._audio.is_started else (reply,)
        raise invalid(f"unknown message type {str(kind)[:40]!r}")

    def _receive_audio(self, data: bytes) -> Sequence[Decoded]:
        return () if self._audio.is_stopped else self._audio.receive(data)

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case SpeechStarted():
                self._ends.begin(event)
                self._order.open(event.utterance)
            case SpeechEnded():
                self._ends.end(event)
            case Partial() | Final() | Translation() | Notice(utterance=int()) | Error(utterance=int(), fatal=False):
                return self._in_order(event.utterance or 0, event)
            case Notice(language=str() as language):
                self._translation.note_unserved(language)
            case Error(fatal=False, language=str()):
                self._refusal = event.message
            case Error(fatal=True):
                return [error_response(error_code(event.code), event.message, self._final_ms, self._total_ms)]
            case Draining():
                self._draining = True
                return self._announce_draining()
            case Done():
                frames = self._flush()
                self._final_ms = self._total_ms = max(self._total_ms, self._audio.milliseconds or 0)
                return [*frames, response([], self._final_ms, self._total_ms, finished=True)]
        return []

    def _in_order(self, utterance: int, event: Message) -> list[str]:
        frames: list[str] = []
        if isinstance(event, Translation) and (tokens := self._translation.late_tokens(event)):
            frames.append(self._response(tokens))
        if isinstance(event, Final) and self._translation.is_awaited and utterance != self._translation.utterance:
            # Transcripts do not wait for translations, whose workers may be slow or missing.
            self._translation.skip()
            frames += self._finish(self._translation.utterance, [])
        for due in self._order.in_order(utterance, event):
            frames += self._show(due)
        return frames

    def _flush(self) -> list[str]:
        """Give up what is awaited, and show what waits for it."""
        frames: list[str] = []
        while (first := self._order.first) is not None:
            self._translation.give_up()
            frames += self._finish(first, [])
            for due in self._order.due():
                frames += self._show(due)
        return frames

    def _show(self, event: Message) -> list[str]:
        translation = self._translation
        match event:
            case Partial():
                self._total_ms = max(self._total_ms, event.end_ms)
                lead = self._text.lead(event.committed + event.tentative)
                self._tentative = tentative(event, lead, self._spoken(event.language))
                translation.language = event.language
                return [self._response([])]
            case Translation(is_final=False):
                translation.apply_preview(event)
                return [self._response([])]
            case Final():
                return self._finish_speech(event)
            case Translation() if translation.has_final:
                return self._finish(event.utterance, translation.apply_final(event))
            case Notice(utterance=int() as utterance, language=str() as language):
                translation.note_unserved(language)
                return self._finish(utterance, []) if translation.has_final else []
            case Error(utterance=int() as utterance):
                # No `error_code`: it would end the session in the view of the client.
                translation.give_up()
                return self._finish(utterance, [])
        return []

    def _finish_speech(self, event: Final) -> list[str]:
        """The spoken words of an utterance are final."""
        tokens = definitive(event, self._text.lead(event.text), self._spoken(event.language))
        self._text.extend(event.text)
        self._tentative = []
        self._total_ms = max(self._total_ms, event.end_ms)
        self._translation.expect(event)
        return self._finish(event.utterance, tokens)

    def _finish(self, utterance: int, tokens: list[Token]) -> list[str]:
        """Send final tokens. Once the translation is there, the utterance is over."""
        if self._translation.is_awaited:
            return [self._response(tokens)] if tokens else []
        has_text = self._translation.has_text
        self._translation.reset()
        self._tentative = []
        self._order.settle(utterance)
        end, finalized = self._ends.settle(utterance), self._finalized.pop(utterance, 0)
        self._final_ms = self._total_ms = max(self._total_ms, end.end_ms)
        assert self._configuration is not None, "a session has a configuration"
        is_whole = not end.is_cut and utterance not in self._ended_by_request
        self._ended_by_request.discard(utterance)
        ends = self._configuration.end_tokens and has_text and is_whole
        tokens = [*tokens, *([marker(END)] if ends else []), *([marker(FINALIZED)] * finalized)]
        return [*([self._response(tokens)] if tokens else []), *self._announce_draining()]

    def _spoken(self, language: str) -> Token:
        """The fields of a spoken token that do not depend on the word."""
        assert self._configuration is not None, "a session has a configuration"
        shown: Token = {"language": language} if self._configuration.language_shown and language else {}
        return {**shown, **self._translation.status(language)}

    def _response(self, final: Sequence[Token]) -> str:
        """New final tokens, and all that are not final."""
        tokens = [*final, *self._tentative, *self._translation.tentative]
        return response(tokens, self._final_ms, self._total_ms)

    def _confirm_finalize(self, ended: int | None) -> Sequence[str]:
        """Confirm a `finalize` with the last utterance in progress, or at once.

        `ended` had ended before, so it keeps its `<end>` if its final is late.
        """
        last = self._order.last
        if last is None:
            return [self._response([marker(FINALIZED)])]
        self._finalized[last] = self._finalized.get(last, 0) + 1
        if last != ended:
            self._ended_by_request.add(last)
        return []

    def _announce_draining(self) -> list[str]:
        """Ask the client to start another session, once all results of this one have been sent."""
        if not self._draining or self._order.last is not None:
            return []
        self._draining = False
        return [draining_response(self._final_ms, self._total_ms)]

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """Native codes are sent as they are: Soniox's clients read the error before."""
        return code, reason

    def refusal(self, error: Error) -> str:
        """Soniox's error object."""
        return error_response(error_code(error.code), error.message, 0, 0)
