"""A live session as a pure state machine: messages, audio windows, results and the time go in, actions come out.

No I/O and no clock: whoever holds a `Session` carries out the actions it returns, in order, and tells it what came
back. The life of an utterance:

    SpeechStarted ──> previews, one in flight ──> Pause ──> early final ──┬─ Utterance ──> close: it is the final
                           ^                                              │
                           └────────────── Resumed: withdrawn <───────────┘
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages import protocol as wire
from backend.messages.jobs import AudioJob, Live, PartialResult
from gateway import segmenter as cut
from gateway.actions import Action, Close, Finish, Preview, Send, Submit, Withdraw, merged
from gateway.segmenter import Clip, Segmenter
from gateway.utterance import OpenUtterance, Policy

MAX_TARGETS = 8
"""Languages a session may be translated into."""


State = Literal["new", "open", "stopping", "done"]


class Session:
    """One client's session. `state` says what it may receive; `backlog` how much it waits for."""

    def __init__(self, session: str, correlation_id: str, policy: Policy) -> None:
        self.id = session
        self.correlation_id = correlation_id
        self.state: State = "new"
        self.options = wire.Options()
        self.cursor = "0-0"
        self._policy = policy
        self._segmenter = Segmenter(policy.rules)
        self._spoken: str | None = None
        self._heard: str | None = None
        self._count = 0
        self._open: OpenUtterance | None = None
        self._unfinished: set[int] = set()
        self._untranslated: set[tuple[int, str]] = set()
        self._targets: dict[int, tuple[str, ...]] = {}
        self._noticed: set[tuple[str, str | None]] = set()

    @property
    def backlog(self) -> int:
        """Closed utterances whose final has not come yet."""
        return len(self._unfinished)

    @property
    def waiting(self) -> bool:
        """Whether finals or translations are on their way."""
        return bool(self._unfinished or self._untranslated)

    @property
    def audio_ms(self) -> int:
        """How much audio has been heard."""
        return self._segmenter.position * 1000 // 16_000

    # --- what the client says

    def receive(self, message: wire.ClientMessage, now: float) -> list[Action]:
        """A message from the client. Raises ProtocolError when it does not fit the session's state or its rules."""
        if message.type not in _ALLOWED[self.state]:
            raise self._out_of_place(message.type)
        match message:
            case wire.Start():
                return self._start(message)
            case wire.Configure():
                self._adopt(message.applied_to(self.options))
                return []
            case wire.Finalize():
                return self._cut(self._segmenter.finalize(), now)
            case wire.Keepalive():
                return []
            case wire.Stop():
                return self._stop(now)

    def hear(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32], now: float) -> list[Action]:
        """[n, 512] windows of audio and their [n] speech probabilities. Raises ProtocolError before `start`."""
        if self.state != "open":
            raise self._out_of_place("audio")
        actions = self._cut(self._segmenter.feed(windows, probabilities), now)
        return merged([*actions, *self._ask(now)])

    def _out_of_place(self, what: str) -> ProtocolError:
        code = "already_started" if what == "start" else "not_started" if self.state == "new" else "stopped"
        return ProtocolError(f"{what!r} is not allowed while the session is {self.state}", code=code)

    def _start(self, message: wire.Start) -> list[Action]:
        self._adopt(wire.Options.model_validate(message.model_dump(include=set(wire.Options.model_fields))))
        self.state = "open"
        return [Send(wire.Ready(session=self.id, audio_from_ms=0, cursor=self.cursor))]

    def _adopt(self, options: wire.Options) -> None:
        if len(options.translate_to) > MAX_TARGETS:
            raise ProtocolError(f"at most {MAX_TARGETS} target languages", code="invalid_message")
        for target in options.translate_to:
            languages.flores(target)
        spoken = languages.whisper(options.language)
        if spoken != self._spoken:
            self._heard = None
        self._spoken = spoken
        self.options = options
        self._segmenter.endpoint_ms = options.endpoint_ms

    def _stop(self, now: float) -> list[Action]:
        actions = self._cut(self._segmenter.flush(), now)
        self.state = "stopping"
        return actions + self._finish_if_done()

    # --- what the segmenter finds

    def _cut(self, events: Iterable[cut.Event], now: float) -> list[Action]:
        actions: list[Action] = []
        for event in events:
            match event:
                case cut.SpeechStarted(start_sample):
                    self._count += 1
                    self._open = OpenUtterance(self._count, asked_sample=start_sample)
                    actions.append(Send(wire.SpeechStarted(utterance=self._count, start_ms=start_sample // 16)))
                case cut.Pause():
                    actions += self._decode_early(now)
                case cut.Resumed():
                    actions += self._withdraw(now)
                case cut.Utterance(clip, _):
                    actions += self._end(clip, now)
        return merged(actions)

    def _decode_early(self, now: float) -> list[Action]:
        clip, utterance = self._segmenter.clip(), self._open
        if clip is None or utterance is None or not self.options.partials:
            return []
        if not utterance.wants_early_final(now, self._policy):
            return []
        utterance.decode_early(now)
        return [Submit(self._job("final", utterance, clip, now), clip.pcm, early=True)]

    def _withdraw(self, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or utterance.early is None:
            return []
        void = Withdraw(utterance.number, utterance.early)
        utterance.withdraw(now)
        return [void]

    def _end(self, clip: Clip, now: float) -> list[Action]:
        utterance, self._open = self._open, None
        assert utterance is not None, "an utterance ends once, after it began"
        self._unfinished.add(utterance.number)
        self._targets[utterance.number] = self.options.translate_to
        ended = Send(wire.SpeechEnded(utterance=utterance.number, end_ms=clip.end_ms))
        if utterance.early is not None:
            return [ended, Close(utterance.number, utterance.early)]
        utterance.attempt += 1
        return [ended, Submit(self._job("final", utterance, clip, now), clip.pcm, early=False)]

    # --- previews: one in flight, so that the system's own speed sets their rate

    def tick(self, now: float) -> list[Action]:
        """Time has passed: a preview that is overdue is given up."""
        return self._ask(now)

    def _ask(self, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or utterance.early is not None or not self.options.partials:
            return []
        if not utterance.wants_preview(self._segmenter.position, now, self._policy):
            return []
        clip = self._segmenter.clip()
        assert clip is not None, "the segmenter holds what is open"
        utterance.ask(self._segmenter.position, now)
        return [Preview(self._job("preview", utterance, clip, now), clip.pcm)]

    def _job(self, kind: Literal["final", "preview"], utterance: OpenUtterance, clip: Clip, now: float) -> AudioJob:
        options = self.options
        heard = self._heard or (utterance.heard if kind == "preview" else None)
        return AudioJob(
            kind=kind, session=self.id, utterance=utterance.number, correlation_id=self.correlation_id, sent_at=now,
            attempt=utterance.attempt, revision=utterance.revision, start_ms=clip.start_ms, end_ms=clip.end_ms,
            language=self._spoken, heard=heard, finals=options.finals, words=options.words, prompt=options.prompt,
            hotwords=options.hotwords, committed=utterance.committed, hypothesis=utterance.hypothesis,
            translate_to=options.translate_to, translated=utterance.translated,
        )  # fmt: skip

    # --- what comes back

    def learn(self, live: Live, now: float) -> list[Action]:
        """A result. Durable ones are taken once and in order, however often and by whatever way they come."""
        if live.cursor is not None:
            if _place(live.cursor) <= _place(self.cursor):
                return []
            self.cursor = live.cursor
        match live.event:
            case PartialResult() as partial:
                actions = self._take_partial(partial, now)
            case wire.Final() as final:
                actions = self._take_final(final)
            case wire.Translation() as translation:
                actions = self._take_translation(translation)
            case wire.Error() as error:
                self._settle(error.utterance)
                actions = [Send(error)]
            case wire.Notice() as notice:
                actions = self._take_notice(notice)
            case _:
                actions = []
        return actions + self._finish_if_done()

    def _take_partial(self, partial: PartialResult, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or not utterance.awaits(partial):
            return []
        changed = utterance.take(partial, now)
        self._segmenter.promised = partial.committed_end_ms * 16
        shown: list[Action] = [Send(partial.event())] if changed else []
        return shown + self._ask(now)

    def _take_final(self, final: wire.Final) -> list[Action]:
        targets = self._settle(final.utterance)
        if final.text:
            self._heard = final.language
            self._untranslated |= {(final.utterance, target) for target in targets}
        return [Send(final)]

    def _take_translation(self, translation: wire.Translation) -> list[Action]:
        if translation.is_final:
            self._untranslated.discard((translation.utterance, translation.language))
            return [Send(translation)]
        utterance = self._open
        if utterance is None or translation.utterance != utterance.number:
            return []
        utterance.translated[translation.language] = translation.text
        return [Send(translation)]

    def _take_notice(self, notice: wire.Notice) -> list[Action]:
        self._untranslated.discard((notice.utterance or 0, notice.language or ""))
        if (notice.code, notice.language) in self._noticed:
            return []
        self._noticed.add((notice.code, notice.language))
        return [Send(notice)]

    def _settle(self, utterance: int | None) -> tuple[str, ...]:
        """The utterance has got its final, or an error in its place."""
        if utterance is None or utterance not in self._unfinished:
            return ()
        self._unfinished.discard(utterance)
        return self._targets.pop(utterance)

    def _finish_if_done(self) -> list[Action]:
        if self.state != "stopping" or self.waiting:
            return []
        self.state = "done"
        return [Send(wire.Done()), Finish()]


_ALLOWED: dict[State, frozenset[str]] = {
    "new": frozenset({"start"}),
    "open": frozenset({"configure", "finalize", "keepalive", "stop"}),
    "stopping": frozenset({"keepalive"}),
    "done": frozenset(),
}


def _place(cursor: str) -> tuple[int, int]:
    """A log entry's id as numbers, which is how Redis orders them."""
    milliseconds, _, count = cursor.partition("-")
    return int(milliseconds), int(count or 0)
