"""Actions that the session core returns and its connection executes, in order."""

from dataclasses import dataclass

from backend.messages.jobs import AudioJob, Transcript
from backend.messages.protocol import Message, Notice
from backend.messages.session_record import SessionRecord
from backend.messages.voices.profiles import VoiceProfile


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Send this event to the client."""

    event: Message


class RepeatedNotice(Notice):
    """A notice in place of a translation whose code and language were sent for an earlier utterance.

    The native protocol sends such a notice once. A codec that awaits translations needs it for each utterance.
    """


@dataclass(frozen=True, slots=True)
class SubmitPreview:
    """Add a preview job to the preview stream. It may be lost."""

    job: AudioJob
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SubmitFinal:
    """Add a final job to the final stream. The result of an `early` final is held back until `CloseUtterance`."""

    job: AudioJob
    pcm: bytes
    early: bool


@dataclass(frozen=True, slots=True)
class WithdrawEarlyFinal:
    """Speech continued after the pause, so the result of this attempt is void."""

    utterance: int
    attempt: int


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """The endpoint is certain: the result of this early attempt is the utterance's final.

    From here on Redis holds the session's audio up to `end_ms`.
    """

    utterance: int
    attempt: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ResubmitTranscript:
    """Translate this transcript again, because Redis lost it."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class RenewRecord:
    """Write the session's record to Redis, which also renews its time to live."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class VerifyRecord:
    """Compare the session with what Redis knows of it, and submit lost jobs again."""


@dataclass(frozen=True, slots=True)
class StoreVoice:
    """Store the voice that the session has enrolled, for this many days. Then the session ends."""

    profile: VoiceProfile
    days: int


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Read results that the channel did not deliver from the session log."""


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection once all earlier events have been sent."""

    code: int = 1000
    reason: str = "done"


RedisAction = (
    SubmitPreview | SubmitFinal | WithdrawEarlyFinal | CloseUtterance | ResubmitTranscript | RenewRecord | VerifyRecord
)
ClientAction = SendEvent | CloseConnection
Action = ClientAction | RedisAction | CatchUp | StoreVoice


def merge_early_finals(actions: list[Action]) -> list[Action]:
    """Replace early finals that the same list closes by plain finals, and drop those that it withdraws.

    Files arrive faster than real time, so their pauses and endpoints often fall into one list.
    """
    merged: list[Action] = []
    for action in actions:
        early = _early_final(merged, action) if isinstance(action, CloseUtterance | WithdrawEarlyFinal) else None
        if early is None:
            merged.append(action)
            continue
        merged.remove(early)
        if isinstance(action, CloseUtterance):
            merged.append(SubmitFinal(early.job, early.pcm, early=False))
    return merged


def _early_final(actions: list[Action], decision: CloseUtterance | WithdrawEarlyFinal) -> SubmitFinal | None:
    for action in actions:
        if isinstance(action, SubmitFinal) and action.early:
            job = action.job
            if (job.utterance, job.attempt) == (decision.utterance, decision.attempt):
                return action
    return None
