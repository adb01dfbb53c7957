"""The messages of one channel of Deepgram's live API. Pure.

Each utterance gets one `Results` that is final, and before it any number that are not. Word times come with the final
one only, because partials have none.
"""

import json
from collections.abc import Sequence
from typing import Any

from backend.messages.protocol import Error, Final, Message, Partial, SpeechEnded, SpeechStarted
from gateway.apis.deepgram.messages import alternative, results
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.utterance_ends import UtteranceEnds


class LiveChannel:
    """The state of one channel. `index` is its number from 0, and the number of channels."""

    def __init__(self, parameters: ListenParameters, request_id: str, index: tuple[int, int]) -> None:
        self._parameters, self._request_id, self._index = parameters, request_id, list(index)
        # Whether a `Finalize` has not found its utterance yet, and the utterances that one has ended.
        self._finalizing = False
        self._finalized: set[int] = set()
        self._ends = UtteranceEnds()
        # End of the last word, if it is to be followed by `UtteranceEnd`.
        self.last_word_ms: int | None = None

    def encode(self, event: Message, audio_ms: int) -> Sequence[str]:
        """Translate an event of the channel. Some have no counterpart. `audio_ms` is the end of the received audio."""
        match event:
            case SpeechStarted():
                self.last_word_ms = None
                self._ends.begin(event)
                started = {"type": "SpeechStarted", "channel": self._index, "timestamp": event.start_ms / 1000}
                return [to_frame(started)] if self._parameters.vad_events else []
            case SpeechEnded():
                self._ends.end(event)
                if self._finalizing:
                    self._finalizing = False
                    self._finalized.add(event.utterance)
            case Partial():
                text = alternative(event.committed + event.tentative, 0.0)
                return [self._results(text, event.start_ms, event.end_ms, is_final=False)]
            case Final():
                # The final may come after the audio that ends the utterance, and no more audio may follow.
                return [self._final(event), *self.end_utterance(audio_ms)]
            case Error(utterance=int() as utterance):
                return self._failed(utterance, event, audio_ms)
        return []

    def begin_finalize(self) -> None:
        """A `Finalize` has arrived."""
        self._finalizing = True

    def answer_finalize(self, audio_ms: int) -> Sequence[str]:
        """Confirm a `Finalize` that found no utterance in progress: with the last final that is awaited, or at once."""
        if not self._finalizing:
            return ()
        self._finalizing = False
        if self._ends.last is not None:
            self._finalized.add(self._ends.last)
            return ()
        flags = {"is_final": True, "speech_final": True, "from_finalize": True}
        return [self._results(alternative("", 0.0), audio_ms, audio_ms, **flags)]

    def end_utterance(self, audio_ms: int) -> Sequence[str]:
        """Send `UtteranceEnd` once enough audio has followed the last word."""
        gap_ms, last_ms = self._parameters.utterance_end_ms, self.last_word_ms
        if gap_ms is None or last_ms is None or audio_ms < last_ms + gap_ms:
            return ()
        self.last_word_ms = None
        return [to_frame({"type": "UtteranceEnd", "channel": self._index, "last_word_end": last_ms / 1000})]

    def _final(self, event: Final) -> str:
        end, is_finalized = self._ends.settle(event.utterance), event.utterance in self._finalized
        self._finalized.discard(event.utterance)
        if event.words and self._ends.last is None:
            self.last_word_ms = event.words[-1].end_ms
        ends_speech = self._parameters.endpointing and not end.is_cut
        text = alternative(event.text, event.confidence, [event])
        flags = {"is_final": True, "speech_final": ends_speech, "from_finalize": is_finalized}
        return self._results(text, event.start_ms, event.end_ms, **flags)

    def _failed(self, utterance: int, event: Error, audio_ms: int) -> Sequence[str]:
        """Report an utterance without a final, which cannot confirm a `Finalize`."""
        self._ends.settle(utterance)
        if utterance not in self._finalized:
            return [error_frame(event)]
        self._finalized.discard(utterance)
        self._finalizing = True
        return [error_frame(event), *self.answer_finalize(audio_ms)]

    def _results(self, text: dict[str, Any], start_ms: int, end_ms: int, **flags: bool) -> str:
        return to_frame(results(self._request_id, self._index, text, start_ms=start_ms, end_ms=end_ms, **flags))


def error_frame(event: Error) -> str:
    """The message `Error`."""
    body = {"type": "Error", "variant": event.code, "description": event.message, "message": event.message}
    return to_frame(body)


def to_frame(body: dict[str, Any]) -> str:
    """A message as a text frame."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
