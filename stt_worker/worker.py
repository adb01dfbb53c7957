"""The STT worker process: `python -m stt_worker.worker`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from backend import models
from backend.messages.jobs import SAMPLE_RATE, AudioJob, JobKind, PartialResult, Transcript
from backend.messages.protocol import Final, Word
from backend.service import logging, tracing
from backend.service.devices import pinned
from backend.service.lifecycle import lower_priority, retain_freed_memory, run_until_signalled
from backend.service.metrics import export_model_info
from backend.service.metrics_server import MetricsServer
from backend.streams.job_streams import AUDIO, Entry, Outcome
from backend.streams.worker.process import run_worker
from backend.text.edits import contradicted
from backend.text.normalize import normalized_words
from stt_worker import metrics
from stt_worker.guards import withdrawal
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.recognizers.remote import RemoteRecognizer
from stt_worker.recognizers.windows import Windows
from stt_worker.settings import SttSettings
from stt_worker.stability import CaptionState, agree

if TYPE_CHECKING:
    from stt_worker.recognizers.whisper import FasterWhisper

log = structlog.get_logger()

LEAST_LANGUAGE_PROBABILITY = 0.5
"""While a language is being detected, previews in one less probable than this are not shown."""
ELSEWHERE = frozenset({"null", "http", "https"})
"""Recognizers that compute nothing here."""


class RealTimeFactor:
    """Seconds of work for a second of audio, of late.

    Where `decoders` batches are decoded at the same time, each takes its part of the time; where one is prepared while
    another is decoded, the time in which they overlap counts once.
    """

    def __init__(self, decoders: int = 1) -> None:
        self._decoders = decoders
        self._took_s = self._audio_s = self._until = 0.0

    def add(self, began: float, ended: float, audio_s: float) -> None:
        """One batch of finals, by any clock. What was before counts less and less."""
        if self._decoders == 1:
            began, self._until = max(began, min(self._until, ended)), max(self._until, ended)
        self._took_s = 0.9 * self._took_s + (ended - began) / self._decoders
        self._audio_s = 0.9 * self._audio_s + audio_s

    @property
    def factor(self) -> float:
        """The real-time factor; 0 before the first batch."""
        return self._took_s / self._audio_s if self._audio_s else 0.0


class SttWorker:
    """Recognizes audio of all sessions, in batches; holds no state of any of them."""

    def __init__(self, recognizer: Recognizer, settings: SttSettings) -> None:
        self._recognizer, self._settings = recognizer, settings
        self._threads = ThreadPoolExecutor(max_workers=recognizer.overlap, thread_name_prefix="model")
        self._pace = RealTimeFactor(recognizer.decoders)

    async def handle(self, batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        """One outcome for each piece of audio. The model runs in its own thread, so that the loop goes on."""
        kind = batch[0].job.kind
        speeches = [self._speech(entry.job, entry.pcm) for entry in batch]
        metrics.BATCH_SIZE.labels(kind).observe(len(batch))
        metrics.AUDIO_SECONDS.labels(kind).inc(sum(len(speech.samples) for speech in speeches) / SAMPLE_RATE)
        heard = await asyncio.get_running_loop().run_in_executor(self._threads, self._recognize, speeches, kind)
        answer = {"final": final_outcome, "preview": preview_outcome}[kind]
        return [answer(entry.job, hypothesis) for entry, hypothesis in zip(batch, heard, strict=True)]

    def _recognize(self, speeches: Sequence[Speech], kind: JobKind) -> list[Hypothesis]:
        began = time.perf_counter()
        heard = self._recognizer.recognize(speeches)
        ended = time.perf_counter()
        metrics.SECONDS.labels(kind).observe(ended - began)
        if kind == "final":
            self._pace.add(began, ended, sum(len(speech.samples) for speech in speeches) / SAMPLE_RATE)
            metrics.PACE.set(self._pace.factor)
        for objection in (hypothesis.retried for hypothesis in heard if hypothesis.retried):
            metrics.RETRIED.labels(objection).inc()
        return heard

    def report(self) -> dict[str, object]:
        """How fast it is: part of the heartbeat."""
        return {"real_time_factor": round(self._pace.factor, 4)}

    def _speech(self, job: AudioJob, pcm: bytes) -> Speech:
        final = job.kind == "final"
        return Speech(
            samples=np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768),
            language=job.language,
            heard=job.heard,
            prefix=job.committed if final and job.finals == "stable" else "",
            prompt=job.prompt,
            hotwords=job.hotwords,
            beam_size=self._settings.beam_size if final else 1,
            words=job.words or not final,
            final=final,
            traceparent=job.traceparent,
        )


def final_outcome(job: AudioJob, heard: Hypothesis) -> Outcome:
    """An utterance's text for good; until its endpoint is certain, the same shown as a partial."""
    text = "" if _withheld(job, heard) else heard.text
    if job.finals == "stable":
        text = text or job.committed
    elif job.committed:
        metrics.COMMITTED.inc(len(normalized_words(job.committed, heard.language)))
        metrics.CONTRADICTED.inc(contradicted(job.committed, text, heard.language))
    final = Final(
        utterance=job.utterance,
        text=text,
        language=heard.language,
        confidence=math.exp(min(0.0, heard.avg_logprob)),
        start_ms=job.start_ms,
        end_ms=job.end_ms,
        words=_words(job, heard) if job.words and text else None,
        translate_to=job.translate_to if text else (),
        late=job.replayed,
    )
    shown: tuple[PartialResult, ...] = ()
    if text.startswith(job.committed):
        rest = text[len(job.committed) :]
        shown = (_partial(job, heard.language, CaptionState(job.committed, rest, job.hypothesis)),)
    return Outcome(durable=(final,), live=shown, transcript=_transcript(job, heard.language, text))


def preview_outcome(job: AudioJob, heard: Hypothesis) -> Outcome:
    """What to show of an utterance that goes on."""
    seconds = (job.end_ms - job.start_ms) / 1000
    # In too little audio to know the language, words would be nonsense.
    unknown = not (job.language or job.heard) and heard.language_probability < LEAST_LANGUAGE_PROBABILITY
    if _withheld(job, heard) or unknown:
        stable = CaptionState(job.committed, job.tentative, (), seconds if job.committed else 0.0)
    else:
        stable = agree(job.committed, job.tentative, job.hypothesis, heard, seconds)
    grown = stable.committed != job.committed
    onward = _transcript(job, heard.language, stable.committed) if grown else None
    partial = _partial(job, heard.language, stable).model_copy(
        update={
            "committed_end_ms": job.start_ms + round(1000 * stable.committed_seconds),
            "language_probability": heard.language_probability,
        }
    )
    return Outcome(live=(partial,), transcript=onward)


def _withheld(job: AudioJob, heard: Hypothesis) -> bool:
    reason = withdrawal(heard, (job.end_ms - job.start_ms) / 1000)
    if reason:
        metrics.WITHDRAWN.labels(reason).inc()
        log.debug("text_withheld", reason=reason, text=heard.text, session=job.session, utterance=job.utterance)
    return bool(reason)


def _partial(job: AudioJob, language: str, stable: CaptionState) -> PartialResult:
    return PartialResult(
        utterance=job.utterance,
        revision=job.revision,
        committed=stable.committed,
        tentative=stable.tentative,
        language=language,
        start_ms=job.start_ms,
        end_ms=job.end_ms,
        hypothesis=stable.hypothesis,
    )


def _transcript(job: AudioJob, language: str, text: str) -> Transcript | None:
    if not (text and job.translate_to):
        return None
    return Transcript(
        kind=job.kind,
        session=job.session,
        utterance=job.utterance,
        correlation_id=job.correlation_id,
        traceparent=job.traceparent,
        sent_at=job.sent_at,
        text=text,
        language=language,
        translate_to=job.translate_to,
        translated=job.translated,
    )


def _words(job: AudioJob, heard: Hypothesis) -> tuple[Word, ...]:
    def milliseconds(seconds: float) -> int:
        return min(job.end_ms, job.start_ms + round(1000 * seconds))

    return tuple(
        Word(
            word=word.text,
            start_ms=milliseconds(word.start),
            end_ms=milliseconds(word.end),
            confidence=word.probability,
        )
        for word in heard.words
    )


def load(settings: SttSettings) -> Recognizer:
    """The recognizer that the settings name; a new engine is one more module and one more case here."""
    match settings.model.partition("://")[0]:
        case "null":
            return NullRecognizer(settings.null_cost, settings.null_base_s)
        case "http" | "https":
            return RemoteRecognizer(
                settings.model,
                model=settings.remote_model,
                key=settings.remote_key,
                timeout_s=settings.remote_timeout_s,
                at_once=settings.remote_at_once,
            )
        case _:
            return whisper(weights(settings), settings)


def whisper(directory: Path, settings: SttSettings) -> FasterWhisper:
    """The Whisper in this directory, on the hardware and in the way that the settings name. Raises ModelError."""
    from stt_worker.loading import Hardware
    from stt_worker.recognizers.whisper import FasterWhisper

    hardware = Hardware(
        settings.device,
        settings.device_index,
        settings.compute_type,
        settings.threads,
        settings.at_once,
        settings.flash_attention,
    )
    return FasterWhisper(
        directory,
        model=directory.name,
        hardware=hardware,
        batch_size=settings.batch,
        windows=Windows.parse(settings.windows),
    )


def weights(settings: SttSettings) -> Path:
    """The directory of the Whisper that the settings name. Raises ModelError when it is not on this machine."""
    return models.resolve(models.auto("whisper", settings.device) if settings.model == "auto" else settings.model)


def calibrated(settings: SttSettings) -> SttSettings:
    """The settings, with what `nova doctor --calibrate` found for their model where they leave it open."""
    if settings.model.partition("://")[0] in ELSEWHERE:
        return settings
    from stt_worker.calibration.storage import recall

    return recall(settings, weights(settings))


def placed(settings: SttSettings) -> SttSettings:
    """The settings, with a GPU of this worker's own where they ask for any."""
    if settings.model.partition("://")[0] in ELSEWHERE:
        return settings
    from stt_worker.loading import gpus

    return pinned(settings, "stt", models.ModelStore.from_environment().devices, gpus)


async def _main(stop: asyncio.Event) -> None:
    settings = SttSettings()
    logging.configure("stt_worker", settings)
    tracing.configure("stt_worker")
    lower_priority(settings.nice)
    retain_freed_memory()
    with MetricsServer().serving(settings) as metrics_server:
        settings = await asyncio.to_thread(placed, settings)
        settings = await asyncio.to_thread(calibrated, settings)
        await serve(await asyncio.to_thread(load, settings), settings, stop, metrics_server)


async def serve(
    recognizer: Recognizer, settings: SttSettings, stop: asyncio.Event, metrics_server: MetricsServer
) -> None:
    """Recognize what the audio lanes bring, until `stop`."""
    place = {"device": recognizer.device, "compute_type": recognizer.compute_type}
    about = {"model": recognizer.model, **place, "beam_size": settings.beam_size}
    export_model_info("stt", recognizer.model, **place)
    worker = SttWorker(recognizer, settings)

    def tell() -> dict[str, object]:
        return {**about, **worker.report()}

    await run_worker("stt", settings, AUDIO, worker.handle, tell, stop, metrics_server, overlap=recognizer.overlap)


def main() -> None:
    """Work until SIGTERM."""
    run_until_signalled(_main)


if __name__ == "__main__":
    main()
