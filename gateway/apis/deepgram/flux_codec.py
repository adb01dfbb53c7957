"""Deepgram's conversational API (Flux), `/v2/listen`. Pure.

A turn is an utterance, except that a long utterance is cut into several, and that the client may decide where turns
end. A turn begins with its first words: noise is no turn.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Configure,
    Done,
    EarlyFinal,
    EarlyFinalWithdrawn,
    Error,
    Final,
    Finalize,
    Keepalive,
    Message,
    Partial,
    SpeechEnded,
    SpeechStarted,
    TurnEnd,
)
from gateway.apis.deepgram.flux_parameters import SURE_MS, FluxParameters
from gateway.apis.deepgram.flux_turn import FluxTurn
from gateway.apis.deepgram.messages import close_frame, error_body
from gateway.apis.errors import InvalidRequestError
from gateway.apis.json_frames import parse_json
from gateway.apis.received_audio import ReceivedAudio
from gateway.apis.utterance_ends import UtteranceEnds
from gateway.apis.utterance_order import UtteranceOrder
from gateway.connection.codec import Decoded, DeferredReply, check_text
from gateway.protocols import ProtocolName


class FluxCodec:
    """The codec of one connection."""

    protocol: ProtocolName = "deepgram_flux"
    subprotocols: Sequence[str] = ("token", "bearer")
    refuses_on_socket = False
    idle_timeout_s: float | None = None

    def __init__(self, parameters: FluxParameters, request_id: str) -> None:
        self._parameters, self._request_id = parameters, request_id
        self._audio = ReceivedAudio(parameters.audio, lambda: self._parameters.options())
        # The number of the next message.
        self._sequence_id = 0
        self._turn = FluxTurn(0)
        self._order = UtteranceOrder()
        self._ends = UtteranceEnds()
        # Why a turn ends with an utterance.
        self._triggers: dict[int, str] = {}
        # The probability that the speaker has finished, at the end of an utterance that a worker has judged.
        self._judged: dict[int, float] = {}
        # Whether a `ForceEndTurn` has not found its utterance yet.
        self._forcing = False

    def open(self) -> Sequence[Decoded]:
        """Greet the client, which may wait for that. Start at once if the format is known."""
        greeting = DeferredReply(build=lambda: [self._message("Connected")])
        return (greeting, *self._audio.start())

    # --- from the client

    def decode(self, frame: str | bytes) -> Sequence[Decoded]:
        """Translate a control message, or audio. Raises ProtocolError."""
        if isinstance(frame, bytes):
            return self._receive_audio(frame) if frame else self._audio.stop()
        check_text(frame)
        message = _parse(frame)
        match message["type"]:
            case "KeepAlive":
                return (Keepalive(),) if self._audio.is_started else ()
            case "ForceEndTurn":
                self._forcing = self._audio.is_started
                return (Finalize(), DeferredReply(build=self._force_end)) if self._forcing else ()
            case "Configure":
                return self._configure(message)
            case "CloseStream":
                return self._audio.stop()
        raise ProtocolError(f"unknown message type {str(message['type'])[:40]!r}", code="unknown_type", fatal=False)

    def _receive_audio(self, data: bytes) -> Sequence[Decoded]:
        if self._audio.is_stopped:
            return ()
        # Also after a `Configure` that left a turn without an utterance that could end it.
        is_waiting = self._turn.is_started and self._order.last is None
        timeout = (DeferredReply(build=self._time_out),) if self._parameters.is_manual or is_waiting else ()
        return (*self._audio.receive(data), *timeout)

    def _configure(self, message: Mapping[str, Any]) -> Sequence[Decoded]:
        try:
            parameters = self._parameters = self._parameters.configured(message)
        except InvalidRequestError as error:
            fields = {"code": "INVALID_CONFIGURATION", "description": error.message}
            return (DeferredReply(build=lambda: [self._message("ConfigureFailure", **fields)]),)
        state = {"thresholds": parameters.thresholds(), "keyterms": list(parameters.keyterms)}
        hints = {"language_hints": list(parameters.hints)} if parameters.multilingual else {}
        reply = DeferredReply(build=lambda: [self._message("ConfigureSuccess", **state, **hints)])
        is_open = self._audio.is_started and not self._audio.is_stopped
        return (Configure(**parameters.options()), reply) if is_open else (reply,)

    # --- to the client

    def encode(self, event: Message) -> Sequence[str]:
        """Translate a native event. Some have no counterpart."""
        match event:
            case SpeechStarted():
                self._ends.begin(event)
                self._order.open(event.utterance)
            case SpeechEnded():
                self._ends.end(event)
                by_client, self._forcing = self._forcing or self._audio.is_stopped, False
                self._triggers[event.utterance] = "manual" if by_client else self._parameters.trigger
            case TurnEnd(probability=float() as probability):
                self._judged[event.utterance] = probability
            case Error(fatal=False, utterance=int() as utterance, language=None):
                return [self._warning(event), *self._in_order(utterance, event)]
            case Partial() | EarlyFinal() | EarlyFinalWithdrawn() | Final():
                return self._in_order(event.utterance, event)
            case Error(fatal=True):
                return [self._message("Error", code=event.code.upper(), description=event.message)]
            case Error():
                return [self._warning(event)]
            case Done():
                return self._end_turn("manual")
        return []

    def _in_order(self, utterance: int, event: Message) -> list[str]:
        return [frame for due in self._order.in_order(utterance, event) for frame in self._show(due)]

    def _show(self, event: Message) -> list[str]:
        turn = self._turn
        match event:
            case Partial():
                return self._update() if turn.apply_partial(event) else []
            case EarlyFinal() if self._parameters.eager_threshold:
                return self._apply_early_final(event, self._parameters.eager_threshold)
            case EarlyFinalWithdrawn():
                return self._resume()
            case Final():
                turn.add(event)
                return self._settle(event.utterance)
            case Error(utterance=int() as utterance):
                turn.drop_open()
                return self._settle(utterance)
        return []

    def _apply_early_final(self, event: EarlyFinal, threshold: float) -> list[str]:
        """Announce that the turn may be over, unless a worker thinks that its speaker has not finished."""
        judged = event.turn_probability
        if judged is not None and judged < threshold:
            return []
        resumed = self._resume()
        self._turn.apply_early_final(event)
        confidence = min(1.0, event.silence_ms / SURE_MS) if judged is None else judged
        return [*resumed, *self._begin(), self._turn_info("EagerEndOfTurn", confidence)]

    def _settle(self, utterance: int) -> list[str]:
        """An utterance has its final, which ends the turn unless more belongs to it."""
        self._order.settle(utterance)
        end, trigger = self._ends.settle(utterance), self._triggers.pop(utterance, "model")
        judged = self._judged.pop(utterance, None)
        if judged is not None and trigger != "manual":
            trigger = self._parameters.judged_trigger(judged)
        self._turn.silent_from_ms = end.end_ms
        # The client may end a turn although its speech continues.
        if trigger != "manual" and (end.is_cut or self._parameters.is_manual):
            return self._update() if self._turn.text else []
        return self._end_turn(trigger, judged)

    def _begin(self) -> list[str]:
        if self._turn.is_started:
            return []
        self._turn.is_started = True
        return [self._turn_info("StartOfTurn", 0.0)]

    def _update(self) -> list[str]:
        return self._begin() or [*self._resume(), self._turn_info("Update", 0.0)]

    def _resume(self) -> list[str]:
        if self._turn.eager_text is None:
            return []
        self._turn.eager_text = None
        return [self._turn_info("TurnResumed", 0.0)]

    def _end_turn(self, trigger: str, judged: float | None = None) -> list[str]:
        """End the turn, if it had words. After `EagerEndOfTurn`, another text needs a `TurnResumed`.

        `judged`: the probability that the speaker has finished, if a worker knows it.
        """
        turn = self._turn
        if not (turn.is_started or turn.text):
            self._turn = FluxTurn(turn.index)
            return []
        frames = [*self._begin(), *(self._resume() if turn.eager_text != turn.text else [])]
        # The client, or a second of silence, leaves no doubt.
        is_sure = trigger == "manual" or self._parameters.is_manual
        by_silence = min(1.0, self._parameters.endpoint_ms / SURE_MS)
        confidence = 1.0 if is_sure else by_silence if judged is None else judged
        frames.append(self._turn_info("EndOfTurn", confidence, trigger=trigger))
        self._turn = FluxTurn(turn.index + 1)
        return frames

    def _force_end(self) -> Sequence[str]:
        """Let a `ForceEndTurn` that found no utterance in progress end the turn: with the awaited final, or now."""
        if not self._forcing:
            return []
        self._forcing = False
        last = self._order.last
        if last is None:
            return self._end_turn("manual")
        self._triggers[last] = "manual"
        return []

    def _time_out(self) -> Sequence[str]:
        """End a turn after enough silence. Only raw audio tells its duration."""
        now_ms, since_ms = self._audio.milliseconds, self._turn.silent_from_ms
        if now_ms is None or since_ms is None or self._order.last is not None:
            return []
        return self._end_turn("timeout") if now_ms - since_ms >= self._parameters.timeout_ms else []

    def _turn_info(self, event: str, confidence: float, **more: str) -> str:
        turn, parameters = self._turn, self._parameters
        languages = {"languages": turn.languages} if parameters.multilingual and turn.languages else {}
        hinted = {"languages_hinted": list(parameters.hints)} if parameters.hints else {}
        return self._message(
            "TurnInfo", event=event, **turn.fields(), end_of_turn_confidence=confidence, **languages, **hinted, **more
        )

    def _warning(self, event: Error) -> str:
        return self._message("Warning", code=event.code.upper(), description=event.message)

    def _message(self, kind: str, **fields: Any) -> str:
        body = {"type": kind, "request_id": self._request_id, "sequence_id": self._sequence_id, **fields}
        self._sequence_id += 1
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def close_frame(self, code: int, reason: str) -> tuple[int, str]:
        """As in Deepgram's other API."""
        return close_frame(code, reason)

    def refusal(self, error: Error) -> str:
        """Deepgram's error object."""
        return error_body(error, self._request_id)


def _parse(frame: str) -> Mapping[str, Any]:
    try:
        message = parse_json(frame)
        message["type"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProtocolError("a text message must be a JSON object with a type", code="invalid_json") from None
    return dict(message)
