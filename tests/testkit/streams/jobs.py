"""Sample jobs and results."""

import time
from typing import Any

from backend.messages.jobs import AudioJob, Transcript
from backend.messages.protocol import Final, Start, Translation
from backend.messages.session_record import SessionRecord
from backend.streams.job_streams import Outcome

# 100 ms of audio.
PCM = b"\1\0" * 1600
RECORD = SessionRecord(Start(language="en", translate_to=("es",)), "c")


def job(utterance: int, *, attempt: int = 1, kind: Any = "final", session: str = "s", **more: Any) -> AudioJob:
    fields = {"correlation_id": "c", "sent_at": time.time(), "start_ms": 0, "end_ms": 100, **more}
    return AudioJob(kind=kind, session=session, utterance=utterance, attempt=attempt, **fields)


def transcript(utterance: int, session: str = "s", text: str = "hello") -> Transcript:
    return Transcript(
        kind="final",
        session=session,
        utterance=utterance,
        correlation_id="c",
        sent_at=1.5,
        text=text,
        language="en",
        translate_to=("es",),
    )


def final_of(job: AudioJob, text: str | None = None) -> Outcome:
    """A final, and a transcript to be translated to Spanish."""
    said = text if text is not None else f"text {job.utterance}.{job.attempt}"
    event = Final(utterance=job.utterance, text=said, language="en", confidence=1.0, start_ms=0, end_ms=100)
    return Outcome(durable=(event,), transcript=transcript(job.utterance, job.session, said))


def translation_of(job: Transcript) -> Outcome:
    return Outcome(durable=(Translation(utterance=job.utterance, language="es", text="hola", is_final=True),))
