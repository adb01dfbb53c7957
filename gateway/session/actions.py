"""What a session asks of whoever holds it."""

from __future__ import annotations

from dataclasses import dataclass

from backend.messages.jobs import AudioJob, Transcript
from backend.messages.protocol import Message


@dataclass(frozen=True, slots=True)
class Send:
    """Give this event to the client."""

    event: Message


@dataclass(frozen=True, slots=True)
class Preview:
    """Put this guess on the preview lane."""

    job: AudioJob
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Submit:
    """Put this work on the lane that loses nothing; `early` work is released only by `Close`."""

    job: AudioJob
    pcm: bytes
    early: bool


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Speech went on: this early attempt is void."""

    utterance: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Close:
    """The silence lasted: this early attempt is the utterance's final."""

    utterance: int
    attempt: int
    end_ms: int
    """Up to here the session's audio is safe."""


@dataclass(frozen=True, slots=True)
class Translate:
    """Have this translated; the transcript was lost before it was."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything has been sent: close the connection with 1000."""


Action = Send | Preview | Submit | Withdraw | Close | Translate | Finish


def merged(actions: list[Action]) -> list[Action]:
    """The same, less early work that was closed or withdrawn at once: that is one final, or nothing.

    So it is with files, which come faster than time.
    """
    kept: list[Action] = []
    for action in actions:
        early = _early_work(kept, action) if isinstance(action, Close | Withdraw) else None
        if early is None:
            kept.append(action)
            continue
        kept.remove(early)
        if isinstance(action, Close):
            kept.append(Submit(early.job, early.pcm, early=False))
    return kept


def _early_work(actions: list[Action], decision: Close | Withdraw) -> Submit | None:
    for action in actions:
        if isinstance(action, Submit) and action.early:
            job = action.job
            if (job.utterance, job.attempt) == (decision.utterance, decision.attempt):
                return action
    return None
