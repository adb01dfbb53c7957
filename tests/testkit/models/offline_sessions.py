"""Sessions without servers: detector, session and worker exchange jobs and results directly, as fast as the model.

What is left out is transport, so the text is that of a real system with the same order of results.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE, AudioJob, ChannelMessage
from backend.messages.protocol import Final, Message, Start, Stop
from backend.messages.served_languages import ServedLanguages
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.actions import Action, SendEvent, SubmitFinal
from gateway.session.segmenter import Rules
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from gateway.speakers.voices import SessionVoices
from stt_worker.recognizers.recognizer import Denoiser, Recognizer, VoiceDescriber
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.audio.reference import DEFAULT_RULES

# Windows per message: 96 ms, about what clients send.
_AT_ONCE = 3


@dataclass(slots=True)
class OfflineSession:
    """One session and the finals that it has received.

    Live, every final arrives before the audio after it. Of a file, it arrives where the gateway waits for it, or last.
    """

    pcm: NDArray[np.int16]  # [n], 16 kHz mono
    start: Start
    is_file: bool = False
    finals: list[Final] = field(default_factory=list)
    jobs: list[AudioJob] = field(default_factory=list)
    # What the client receives.
    events: list[Message] = field(default_factory=list)
    rules: Rules = DEFAULT_RULES
    # End of the session's audio when each job was submitted.
    submitted_ms: list[int] = field(default_factory=list)
    served: ServedLanguages = field(default_factory=ServedLanguages)
    voices: SessionVoices | None = None
    # What the session does at its end.
    ended: list[Action] = field(default_factory=list)
    _session: Session = field(init=False)
    _applied: int = 0

    def __post_init__(self) -> None:
        policy = SessionPolicy(rules=self.rules)
        self._session = Session("offline", "offline", policy, served=lambda: self.served, voices=self.voices)

    @property
    def text(self) -> str:
        """All finals."""
        return " ".join(final.text for final in self.finals)

    def submitted(self) -> Iterator[SubmitFinal]:
        """Yield each final's job. `answer` must be called before the next one."""
        detector = SpeechDetector(Silero())
        self._session.receive_message(self.start, 0.0)
        for windows, probabilities, _ in (detector.detect_speech(self.pcm), detector.flush()):
            for at in range(0, len(windows), _AT_ONCE):
                some = slice(at, at + _AT_ONCE)
                now = self._session.audio_ms / 1000
                yield from self._finals(self._session.receive_audio(windows[some], probabilities[some], now))
                if not self.is_file or self._session.awaits_language or self._session.awaits_context:
                    self._apply_finals()
        self.ended = self._session.receive_message(Stop(), len(self.pcm) / SAMPLE_RATE)
        self.events += [action.event for action in self.ended if isinstance(action, SendEvent)]
        yield from self._finals(self.ended)
        self._apply_finals()

    def answer(self, final: Final) -> None:
        """Receive the result of the job that was yielded last."""
        self.finals.append(final)

    def _apply_finals(self) -> None:
        for final in self.finals[self._applied :]:
            self._applied += 1
            message, now = ChannelMessage(f"{self._applied}-0", final), self._session.audio_ms / 1000
            actions = self._session.apply_result(message, now)
            self.events += [action.event for action in actions if isinstance(action, SendEvent)]
            self.ended = actions

    def _finals(self, actions: Sequence[Action]) -> Iterator[SubmitFinal]:
        for action in actions:
            if isinstance(action, SubmitFinal):
                self.jobs.append(action.job)
                self.submitted_ms.append(self._session.audio_ms)
                yield action


def transcribe_all(
    recognizer: Recognizer,
    recordings: Sequence[NDArray[np.int16]],
    starts: Sequence[Start],
    *,
    are_files: bool = False,
    rules: Rules = DEFAULT_RULES,
    voices: VoiceDescriber | None = None,
    session_voices: Sequence[SessionVoices | None] = (),
    denoiser: Denoiser | None = None,
) -> list[OfflineSession]:
    """Transcribe recordings in parallel sessions whose jobs share batches. Returns the sessions in order.

    `voices`: the model that describes voices for sessions that label speakers. `session_voices`: the enrolled voices
    that each session names. `denoiser`: the model that reduces noise for sessions that want it.
    """
    served = ServedLanguages(voices=voices is not None, targets=voices is not None)
    named = session_voices or [None] * len(starts)
    sessions = [
        OfflineSession(pcm, start, are_files, served=served, rules=rules, voices=own)
        for pcm, start, own in zip(recordings, starts, named, strict=True)
    ]
    asyncio.run(
        _run(SttWorker(recognizer, SttSettings(), voices=voices, denoiser=denoiser), sessions, SttSettings().batch)
    )
    return sessions


async def _run(worker: SttWorker, sessions: Sequence[OfflineSession], at_once: int) -> None:
    waiting = [(session, session.submitted()) for session in sessions]
    while waiting:
        submits = [(session, jobs, next(jobs, None)) for session, jobs in waiting[:at_once]]
        entries = [Entry(Shard(0), "0-0", submit.job, submit.pcm) for _, _, submit in submits if submit]
        outcomes = iter(await worker.handle(entries) if entries else [])
        for session, _, submit in submits:
            if submit:
                outcome = next(outcomes)
                assert isinstance(outcome, Outcome), "every language of the recordings is recognized"
                session.answer(next(event for event in outcome.durable if isinstance(event, Final)))
        waiting = [(session, jobs) for session, jobs, submit in submits if submit] + waiting[at_once:]
