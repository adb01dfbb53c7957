"""Sample jobs, events and results."""

import time
from typing import Any

from backend.messages.jobs import AudioJob, PartialResult, Transcript
from backend.messages.protocol import Final, Partial, Start, Translation
from backend.messages.session_record import SessionRecord
from backend.streams.job_streams import Outcome

# 100 ms of audio.
PCM = b"\1\0" * 1600
RECORD = SessionRecord(Start(language="en", translate_to=("es",)), "c")


def job(utterance: int, *, attempt: int = 1, kind: Any = "final", session: str = "s", **more: Any) -> AudioJob:
    fields = {"correlation_id": "c", "sent_at": time.time(), "start_ms": 0, "end_ms": 100, **more}
    return AudioJob(kind=kind, session=session, utterance=utterance, attempt=attempt, **fields)


def preview_job(shown: PartialResult, end_ms: int) -> AudioJob:
    """The job for the preview after `shown`, as the gateway submits it."""
    known = shown.model_dump(include={"committed", "tentative", "hypothesis"})
    return job(shown.utterance, kind="preview", language="en", end_ms=end_ms, **known)


def transcript(utterance: int, session: str = "s", text: str = "hello", **more: Any) -> Transcript:
    fields = {"kind": "final", "correlation_id": "c", "sent_at": 1.5, "language": "en", "translate_to": ("es",), **more}
    return Transcript(session=session, utterance=utterance, text=text, **fields)


def final(utterance: int = 1, text: str = "hello", **more: Any) -> Final:
    fields = {"language": "en", "confidence": 1.0, "start_ms": 0, "end_ms": 1, **more}
    return Final(utterance=utterance, text=text, **fields)


def partial(utterance: int, committed: str, tentative: str, **more: Any) -> Partial:
    fields = {"revision": 1, "language": "en", "start_ms": 0, "end_ms": 1, **more}
    return Partial(utterance=utterance, committed=committed, tentative=tentative, **fields)


def final_of(job: AudioJob, text: str | None = None) -> Outcome:
    """A final, and a transcript to be translated to Spanish."""
    said = text if text is not None else f"text {job.utterance}.{job.attempt}"
    return Outcome(
        durable=(final(job.utterance, said, end_ms=100),), transcript=transcript(job.utterance, job.session, said)
    )


def translation_of(job: Transcript) -> Outcome:
    return Outcome(durable=(Translation(utterance=job.utterance, language="es", text="hola", is_final=True),))
