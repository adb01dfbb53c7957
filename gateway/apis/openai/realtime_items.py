"""Items of a Realtime session: which utterances belong to an item, and the events about it. Pure.

With turn detection each utterance is an item. A client that commits its audio itself gets one item for each commit,
also where the audio was so long that the server cut it into several utterances.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.messages.protocol import Final, Partial, SpeechEnded, SpeechStarted
from backend.text.writing_systems import join_texts

ItemEvent = tuple[str, dict[str, Any]]
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(slots=True)
class _Item:
    id: str
    # Number of the utterances that have begun, and texts of the finished ones by utterance.
    utterances: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    # The text that the deltas have sent so far.
    sent: str = ""
    # Whether no more utterances follow.
    ended: bool = False
    error: dict[str, Any] | None = None

    @property
    def complete(self) -> bool:
        return self.ended and len(self.texts) == len(self.utterances)

    def text(self) -> str:
        return join_texts([self.texts[number] for number in self.utterances if self.texts.get(number)])


class Items:
    """The items of one session."""

    def __init__(self, session_id: str) -> None:
        self._prefix = f"item_{session_id[-16:]}"
        self._by_utterance: dict[int, _Item] = {}
        self._open: _Item | None = None
        self._previous: str | None = None
        self._count = 0
        # Commits whose utterance has not ended yet.
        self._commits = 0

    def expect_commit(self) -> None:
        """The client has committed: the next utterance that ends completes an item."""
        self._commits += 1

    def start(self, event: SpeechStarted, *, by_turns: bool) -> Sequence[ItemEvent]:
        """An utterance has begun."""
        if self._open is None:
            self._count += 1
            self._open = _Item(f"{self._prefix}_{self._count}")
        item = self._open
        item.utterances.append(event.utterance)
        self._by_utterance[event.utterance] = item
        if not by_turns:
            return ()
        return [("input_audio_buffer.speech_started", {"audio_start_ms": event.start_ms, "item_id": item.id})]

    def end(self, event: SpeechEnded, *, by_turns: bool) -> Sequence[ItemEvent]:
        """An utterance has ended: by silence, by a commit, or because it was long."""
        item = self._by_utterance.get(event.utterance)
        if item is None:
            return ()
        if not by_turns:
            if not self._commits:
                return ()  # cut for its length
            self._commits -= 1
        item.ended, self._open = True, None
        events: list[ItemEvent] = []
        if by_turns:
            events.append(("input_audio_buffer.speech_stopped", {"audio_end_ms": event.end_ms, "item_id": item.id}))
        previous, self._previous = self._previous, item.id
        place = {"previous_item_id": previous}
        events.append(("input_audio_buffer.committed", {**place, "item_id": item.id}))
        content = [{"type": "input_audio", "transcript": None}]
        message = {
            "id": item.id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": content,
        }
        events.append(("conversation.item.added", {**place, "item": message}))
        events.append(("conversation.item.done", {**place, "item": message}))
        return [*events, *self._finish(item)]

    def extend(self, event: Partial) -> Sequence[ItemEvent]:
        """Send the newly committed words."""
        item = self._by_utterance.get(event.utterance)
        if item is None:
            return ()
        return self._delta(item, join_texts([item.text(), event.committed]))

    def complete(self, event: Final, logprobs: list[dict[str, Any]] | None) -> Sequence[ItemEvent]:
        """Take the text of an utterance. The transcript follows when all utterances of the item have theirs."""
        item = self._by_utterance.pop(event.utterance, None)
        if item is None:
            return ()
        item.texts[event.utterance] = event.text
        item.seconds += (event.end_ms - event.start_ms) / 1000
        item.logprobs += logprobs or []
        return self._finish(item, with_logprobs=logprobs is not None)

    def fail(self, utterance: int, error: dict[str, Any]) -> Sequence[ItemEvent]:
        """An utterance has no text because of an error."""
        item = self._by_utterance.pop(utterance, None)
        if item is None:
            return ()
        item.texts[utterance], item.error = "", error
        return self._finish(item)

    def _finish(self, item: _Item, *, with_logprobs: bool = False) -> Sequence[ItemEvent]:
        if not item.complete:
            return ()
        place = {"item_id": item.id, "content_index": 0}
        if item.error is not None:
            return [(f"{_TRANSCRIPTION}.failed", {**place, "error": item.error})]
        text = item.text()
        done = {**place, "transcript": text, "usage": {"type": "duration", "seconds": round(item.seconds, 3)}}
        logprobs = {"logprobs": item.logprobs} if with_logprobs else {}
        return [*self._delta(item, text), (f"{_TRANSCRIPTION}.completed", {**done, **logprobs})]

    def _delta(self, item: _Item, text: str) -> Sequence[ItemEvent]:
        # A final that contradicts its committed words sends no delta: the transcript replaces them.
        if len(text) <= len(item.sent) or not text.startswith(item.sent):
            return ()
        delta, item.sent = text[len(item.sent) :], text
        return [(f"{_TRANSCRIPTION}.delta", {"item_id": item.id, "content_index": 0, "delta": delta})]
