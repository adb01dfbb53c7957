"""A live session as a pure state machine: messages, audio windows, results and the time go in, actions come out.

No I/O and no clock: whoever holds a `Session` carries out the actions it returns, in order, and tells it what came
back. The life of an utterance:

    SpeechStarted ──> previews, one in flight ──> Pause ──> early final ──┬─ Utterance ──> close: it is the final
                           ^                                              │
                           └────────────── Resumed: withdrawn <───────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages import protocol as wire
from backend.messages.jobs import AudioJob, ChannelMessage, PartialResult
from backend.messages.session_record import SessionRecord
from gateway.session import segmenter as cut
from gateway.session.actions import Action, Close, Finish, Preview, Send, Submit, Withdraw, merged
from gateway.session.backpressure import NOTICES, Backpressure
from gateway.session.pending_results import PendingResults
from gateway.session.segmenter import Clip, Segmenter
from gateway.session.utterance import OpenUtterance, Policy

MAX_TARGETS = 8
"""Languages a session may be translated into."""
PER_EPOCH = 1_000
"""By so much attempts and revisions are ahead after each resumption, so that no old answer passes for a new one."""
LEAST_GAP_MS = 1_000
"""Of audio that a client could not send again, before it is told."""

State = Literal["new", "open", "stopping", "done"]


class Session:
    """One client's session. `state` says what it may receive; `backlog` how much it waits for."""

    def __init__(
        self, session: str, correlation_id: str, policy: Policy, trace: Callable[[], str] = lambda: ""
    ) -> None:
        """`trace` gives each utterance the `traceparent` of a trace of its own, or ""."""
        self.id = session
        self.correlation_id = correlation_id
        self.state: State = "new"
        self.start = wire.Start()
        """The options in force, and the audio format."""
        self.pressure = Backpressure.NONE
        self.epoch = 0
        self._policy, self._trace = policy, trace
        self._pending = PendingResults(session, correlation_id)
        self._segmenter = Segmenter(policy.rules)
        self._spoken: str | None = None
        self._heard: str | None = None
        self._count = 0
        self._open: OpenUtterance | None = None
        self._promised: tuple[int, str] = (0, "")
        self._noticed: set[tuple[str, str | None]] = set()

    @property
    def cursor(self) -> str:
        """Place in the log of the last durable event."""
        return self._pending.cursor

    @property
    def backlog(self) -> int:
        """Closed utterances whose final has not come yet."""
        return self._pending.finals

    @property
    def waiting(self) -> bool:
        """Whether finals or translations are on their way."""
        return self._pending.anything

    @property
    def quiet(self) -> bool:
        """Whether nothing is on its way, and nobody speaks."""
        return not self.waiting and self._open is None

    @property
    def audio_ms(self) -> int:
        """How much audio has been heard."""
        return self._segmenter.position * 1000 // 16_000

    def record(self) -> SessionRecord:
        """What Redis should know of the session."""
        closed = self._count - (self._open is not None)
        return SessionRecord(
            start=self.start,
            correlation_id=self.correlation_id,
            epoch=self.epoch,
            next=self._pending.settled + 1,
            count=closed,
            audio_ms=self._segmenter.kept_from // 16,
        )

    def foundation(self) -> SessionRecord:
        """What a Redis that has lost the session should know first: nothing is closed that it has not been given."""
        record, from_ms = self.record(), self._pending.from_ms
        return replace(record, count=self._pending.settled, audio_ms=record.audio_ms if from_ms is None else from_ms)

    # --- what the client says

    def receive(self, message: wire.ClientMessage, now: float) -> list[Action]:
        """A message from the client. Raises ProtocolError when it does not fit the session's state or its rules."""
        self.allow(message.type)
        match message:
            case wire.Start():
                return self._start(message)
            case wire.Configure():
                self._adopt(message.applied_to(self.start))
            case wire.Finalize():
                return self._cut(self._segmenter.finalize(), now)
            case wire.Stop():
                return self._stop(now)
        return []

    def resume(self, message: wire.Resume, record: SessionRecord) -> list[Action]:
        """Go on where another connection left off. What it missed is then to be learnt from the log, after `cursor`."""
        self.epoch = record.epoch
        self._pending.resume(message, record)
        self._promised = (message.open_utterance, message.committed)
        begin_ms = max(record.audio_ms, message.audio_from_ms)
        actions = self._begin(record.start, begin_ms, max(record.count, record.next - 1, message.utterance))
        gap_ms = begin_ms - record.audio_ms
        if gap_ms >= LEAST_GAP_MS:
            text = f"{gap_ms} ms of audio before {begin_ms} ms have not reached the server"
            actions.append(Send(wire.Notice(code="audio_missing", message=text)))
        return actions

    def hear(self, windows: NDArray[np.int16], probabilities: NDArray[np.float32], now: float) -> list[Action]:
        """[n, 512] windows of audio and their [n] speech probabilities. Raises ProtocolError before `start`."""
        self.allow("audio")
        actions = self._cut(self._segmenter.feed(windows, probabilities), now)
        return merged([*actions, *self._ask(now)])

    def allow(self, what: str) -> None:
        """Raises ProtocolError when a message of this type, or "audio", is out of place now."""
        if what in _ALLOWED[self.state]:
            return
        code = "already_started" if what == "start" else "not_started" if self.state == "new" else "stopped"
        raise ProtocolError(f"{what!r} is not allowed while the session is {self.state}", code=code)

    def _start(self, message: wire.Start) -> list[Action]:
        self._pending.settled = message.utterance
        return self._begin(message, message.audio_from_ms, message.utterance)

    def _begin(self, start: wire.Start, begin_ms: int, count: int) -> list[Action]:
        self._segmenter = Segmenter(self._policy.rules, first_sample=begin_ms * 16)
        self._count = count
        self._adopt(start)
        self.state = "open"
        ready = wire.Ready(
            session=self.id, audio_from_ms=begin_ms, cursor=self.cursor, correlation_id=self.correlation_id
        )
        return [Send(ready)]

    def _adopt(self, start: wire.Start) -> None:
        if len(start.translate_to) > MAX_TARGETS:
            raise ProtocolError(f"at most {MAX_TARGETS} target languages", code="invalid_message")
        for target in start.translate_to:
            languages.flores_code(target)
        spoken = languages.whisper_code(start.language)
        if spoken != self._spoken:
            self._heard = None
        self._spoken = spoken
        self.start = start
        self._segmenter.endpoint_ms = start.endpoint_ms

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
                    self._open = self._opened(start_sample)
                    actions.append(Send(wire.SpeechStarted(utterance=self._count, start_ms=start_sample // 16)))
                case cut.Pause():
                    actions += self._decode_early(now)
                case cut.Resumed():
                    actions += self._withdraw(now)
                case cut.Utterance(clip, _):
                    actions += self._end(clip, now)
        return merged(actions)

    def _opened(self, start_sample: int) -> OpenUtterance:
        ahead = self.epoch * PER_EPOCH
        number, committed = self._promised
        return OpenUtterance(
            self._count,
            self._trace(),
            attempt=ahead,
            revision=ahead,
            asked_sample=start_sample,
            committed=committed if number == self._count else "",
        )

    def _decode_early(self, now: float) -> list[Action]:
        clip, utterance = self._segmenter.clip(), self._open
        if clip is None or utterance is None or not self.start.partials or self.pressure:
            return []
        if not utterance.wants_early_final(now, self._policy):
            return []
        utterance.next_attempt(now)
        utterance.early = Submit(self._job("final", utterance, clip, now), clip.pcm, early=True)
        return [utterance.early]

    def _withdraw(self, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or utterance.early is None:
            return []
        void = Withdraw(utterance.number, utterance.early.job.attempt)
        utterance.withdraw(now)
        return [void]

    def _end(self, clip: Clip, now: float) -> list[Action]:
        utterance, self._open = self._open, None
        assert utterance is not None, "an utterance ends once, after it began"
        ended = Send(wire.SpeechEnded(utterance=utterance.number, end_ms=clip.end_ms))
        if utterance.early is not None:
            self._pending.expect(utterance.early)
            return [ended, Close(utterance.number, utterance.early.job.attempt, clip.end_ms)]
        utterance.next_attempt(now)
        submit = Submit(self._job("final", utterance, clip, now), clip.pcm, early=False)
        self._pending.expect(submit)
        return [ended, submit]

    # --- previews: one in flight, so that the system's own speed sets their rate

    def tick(self, now: float) -> list[Action]:
        """Time has passed: a preview that is overdue is given up."""
        return self._ask(now)

    def press(self, pressure: Backpressure) -> list[Action]:
        """How far the workers are behind: previews give way, and the client is told."""
        before, self.pressure = min(self.pressure, Backpressure.STOP), pressure
        now = min(pressure, Backpressure.STOP)
        if now == before or self.state != "open" or not self.start.partials:
            return []
        return [Send(wire.Notice(code=NOTICES[now][0], message=NOTICES[now][1]))]

    def _ask(self, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or utterance.early is not None or not self.start.partials:
            return []
        if not utterance.wants_preview(self._segmenter.position, now, self._policy, self.pressure):
            return []
        clip = self._segmenter.clip()
        assert clip is not None, "the segmenter holds what is open"
        utterance.ask(self._segmenter.position, now)
        return [Preview(self._job("preview", utterance, clip, now), clip.pcm)]

    def _job(self, kind: Literal["final", "preview"], utterance: OpenUtterance, clip: Clip, now: float) -> AudioJob:
        options = self.start
        heard = self._heard or (utterance.heard if kind == "preview" else None)
        return AudioJob(
            kind=kind,
            session=self.id,
            utterance=utterance.number,
            correlation_id=self.correlation_id,
            sent_at=now,
            attempt=utterance.attempt,
            revision=utterance.revision,
            start_ms=clip.start_ms,
            end_ms=clip.end_ms,
            language=self._spoken,
            heard=heard,
            finals=options.finals,
            words=options.words,
            prompt=options.prompt,
            hotwords=options.hotwords,
            committed=utterance.committed,
            tentative=utterance.tentative,
            hypothesis=utterance.hypothesis,
            translate_to=options.translate_to,
            translated=utterance.translated,
            traceparent=utterance.traceparent if kind == "final" else "",
        )

    # --- what comes back

    def learn(self, live: ChannelMessage, now: float) -> list[Action]:
        """A result. Durable ones are taken once and in order, however often and by whatever way they come."""
        if live.cursor is not None and not self._pending.is_new(live.cursor):
            return []
        match live.event:
            case PartialResult() as partial:
                actions = self._take_partial(partial, now)
            case wire.Final() as final:
                actions = self._take_final(final, now)
            case wire.Translation() as translation:
                actions = self._take_translation(translation)
            case wire.Error(utterance=int() as utterance) as error:
                actions = [Send(error)] if self._pending.error(utterance) else []
            case wire.Notice() as notice:
                actions = self._take_notice(notice, durable=live.cursor is not None)
            case _:
                actions = []
        return actions + self._finish_if_done()

    def lost(self, known: SessionRecord, now: float) -> list[Action]:
        """Redis may have lost writes, and knows this: what to ask for again."""
        if self._open and self._open.early:
            early = self._open.early.job
            if known.open != f"{early.utterance}:{early.attempt}":
                self._open.withdraw(now)
        return self._pending.lost(known)

    def _take_partial(self, partial: PartialResult, now: float) -> list[Action]:
        utterance = self._open
        if utterance is None or not utterance.awaits(partial):
            return []
        changed = utterance.take(partial, now)
        self._segmenter.promised = partial.committed_end_ms * 16
        shown: list[Action] = [Send(partial.event())] if changed else []
        return shown + self._ask(now)

    def _take_final(self, final: wire.Final, now: float) -> list[Action]:
        if not self._pending.final(final, now):
            return []
        if final.text:
            self._heard = final.language
        return [Send(final)]

    def _take_translation(self, translation: wire.Translation) -> list[Action]:
        if translation.is_final:
            news = self._pending.translation(translation.utterance, translation.language)
            return [Send(translation)] if news else []
        utterance = self._open
        if utterance is None or translation.utterance != utterance.number:
            return []
        utterance.translated[translation.language] = translation.text
        return [Send(translation)]

    def _take_notice(self, notice: wire.Notice, *, durable: bool) -> list[Action]:
        if durable and notice.utterance and notice.language:
            self._pending.translation(notice.utterance, notice.language)
        if (notice.code, notice.language) in self._noticed:
            return []
        self._noticed.add((notice.code, notice.language))
        return [Send(notice)]

    def _finish_if_done(self) -> list[Action]:
        if self.state != "stopping" or self.waiting:
            return []
        self.state = "done"
        return [Send(wire.Done()), Finish()]


_ALLOWED: dict[State, frozenset[str]] = {
    "new": frozenset({"start"}),
    "open": frozenset({"audio", "configure", "finalize", "keepalive", "stop"}),
    "stopping": frozenset({"keepalive"}),
    "done": frozenset(),
}
