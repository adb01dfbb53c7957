"""The STT worker process: `python -m stt_worker.worker`."""

import asyncio
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

import numpy as np
import structlog

from backend.errors import EntryError
from backend.messages.jobs import BYTES_PER_SECOND, SAMPLE_RATE, AudioJob, StreamKind
from backend.service import logging, tracing
from backend.service.lifecycle import lower_priority, retain_freed_memory, serve_until_signalled
from backend.service.metrics import MODEL
from backend.service.metrics_server import MetricsServer
from backend.streams.job_streams import AUDIO, Entry, Outcome, Unprocessed
from backend.streams.worker.batch_processor import Answer
from backend.streams.worker.process import run_worker
from stt_worker import metrics
from stt_worker.job_language import (
    allowed_languages,
    check_task,
    draft_language,
    in_requested_script,
    known_odds,
    last_language,
    model_language,
)
from stt_worker.loading import (
    load_denoiser,
    load_recognizer,
    load_routes,
    load_turn_model,
    load_voice_model,
    with_calibration,
    with_own_gpu,
)
from stt_worker.noise.stage import NoiseStage
from stt_worker.outcomes import final_outcome, preview_outcome
from stt_worker.real_time_factor import RealTimeFactor
from stt_worker.recognizers.recognizer import (
    Denoiser,
    Hypothesis,
    RecognizedWord,
    Recognizer,
    Speech,
    TurnJudge,
    VoiceDescriber,
)
from stt_worker.routing.routed_model import RoutedModel
from stt_worker.routing.router import Router
from stt_worker.settings import SttSettings
from stt_worker.voices.division import can_be_divided
from stt_worker.voices.stage import VoiceStage
from stt_worker.voices.target import without_unchecked

log = structlog.get_logger()

# Time that a text waits for the judgement of its turn. On a busy machine, silence decides instead.
MAX_JUDGEMENT_S = 0.2


class SttWorker:
    """Recognizes audio of all sessions in batches. It keeps no state of a session: jobs are self-contained."""

    def __init__(
        self,
        recognizer: Recognizer,
        settings: SttSettings,
        turns: TurnJudge | None = None,
        voices: VoiceDescriber | None = None,
        denoiser: Denoiser | None = None,
        routes: Sequence[RoutedModel] = (),
    ) -> None:
        self.router = Router(recognizer, routes)
        self._settings, self._turns = settings, turns
        self._voices = VoiceStage(voices) if voices else None
        self._noise = NoiseStage(denoiser) if denoiser else None
        # Judges turns while their text is recognized. Each judgement takes one core.
        self._judging = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="turns")
        self._real_time_factor = RealTimeFactor(recognizer.parallel_batches)

    async def handle(self, batch: Sequence[Entry[AudioJob]]) -> list[Answer]:
        """Return one answer for each entry, in order. Entries of a model that fails do not affect those of others."""
        chosen = [self.router.choose(entry.job, len(entry.pcm) / BYTES_PER_SECOND) for entry in batch]
        speeches = [self._speech(entry.job, entry.pcm, model) for entry, model in zip(batch, chosen, strict=True)]
        answers: dict[int, Answer] = {i: speech for i, speech in enumerate(speeches) if isinstance(speech, EntryError)}
        parts: dict[RoutedModel, dict[int, Speech]] = {}
        for i, (speech, model) in enumerate(zip(speeches, chosen, strict=True)):
            if isinstance(speech, Speech):
                parts.setdefault(model, {})[i] = speech
        recognizing = (self._recognize_part(model, part, batch) for model, part in parts.items())
        for found in await asyncio.gather(*recognizing):
            answers |= found
        return [answers[i] for i in range(len(batch))]

    async def _recognize_part(
        self, model: RoutedModel, part: Mapping[int, Speech], batch: Sequence[Entry[AudioJob]]
    ) -> Mapping[int, Answer]:
        """Recognize the jobs of a batch that belong to one model, by their index."""
        kind, speeches = batch[0].job.stream_kind, list(part.values())
        metrics.BATCH_SIZE.labels(kind).observe(len(speeches))
        metrics.AUDIO_SECONDS.labels(kind).inc(_audio_s(speeches))
        loop = asyncio.get_running_loop()
        try:
            hypotheses = await loop.run_in_executor(model.threads, self._recognize, model, speeches, kind)
            return {i: _outcome(batch[i].job, found, model) for i, found in zip(part, hypotheses, strict=True)}
        except Exception as error:
            if len(self.router.models) == 1:
                raise
            return dict.fromkeys(part, Unprocessed(error))

    def _recognize(self, model: RoutedModel, speeches: Sequence[Speech], kind: StreamKind) -> list[Hypothesis]:
        began = time.perf_counter()
        judgements = self._judge_turns(speeches)
        described = self._voices.begin(speeches) if self._voices else {}
        # Turns and voices are judged by the audio as it is.
        recognized = self._noise.reduce(speeches, kind) if self._noise else speeches
        hypotheses = model.recognize(recognized)
        ended = time.perf_counter()
        metrics.SECONDS.labels(kind).observe(ended - began)
        if kind != "preview":
            for factor in (self._real_time_factor, model.real_time_factor):
                factor.add(began, ended, _audio_s(speeches))
            metrics.REAL_TIME_FACTOR.set(self._real_time_factor.factor)
        metrics.CONTINUED.labels(kind).inc(sum(hypothesis.continued for hypothesis in hypotheses))
        self._report_doubts(hypotheses)
        if self._voices and described:
            hypotheses = self._voices.complete(hypotheses, speeches, described)
        return self._with_turns(hypotheses, judgements) if judgements else hypotheses

    def _judge_turns(self, speeches: Sequence[Speech]) -> dict[int, Future[float]]:
        """Begin to judge whether speakers have finished, where that is wanted. By the index of the audio."""
        turns = self._turns
        if turns is None:
            return {}
        wanted = [(i, speech.samples) for i, speech in enumerate(speeches) if speech.judge_turn]
        return {i: self._judging.submit(turns.probability, samples) for i, samples in wanted}

    @staticmethod
    def _with_turns(hypotheses: list[Hypothesis], judgements: Mapping[int, Future[float]]) -> list[Hypothesis]:
        """Add the judgements that are made soon. Silence decides about the others, and about noise."""
        wait(judgements.values(), MAX_JUDGEMENT_S)
        judged = list(hypotheses)
        for i, judgement in judgements.items():
            if judgement.cancel() or not judgement.done():
                continue
            if error := judgement.exception():
                log.warning("turn_not_judged", error=repr(error))
            elif hypotheses[i].text:  # noise looks finished to the model
                judged[i] = replace(hypotheses[i], turn_probability=judgement.result())
        return judged

    def _report_doubts(self, hypotheses: Sequence[Hypothesis]) -> None:
        for hypothesis in hypotheses:
            if hypothesis.retried:
                metrics.RETRIED.labels(hypothesis.retried).inc()
            if omitted := hypothesis.omitted:
                metrics.OMITTED.inc(omitted.seconds)
                log.warning("speech_omitted", start_s=round(omitted.start, 2), seconds=round(omitted.seconds, 2))

    def report(self) -> dict[str, object]:
        """The part of the heartbeat that changes: how fast this worker is, and whether its recognizers work."""
        recognizers = [model.describe() for model in self.router.models]
        return {"real_time_factor": round(self._real_time_factor.factor, 4), "recognizers": recognizers}

    def _speech(self, job: AudioJob, pcm: bytes, model: RoutedModel) -> Speech | EntryError:
        final = job.kind == "final"
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        describe_voices = job.describe_voices and self._voices is not None
        target = job.target if self._voices else None
        try:
            check_task(job, translates=model.recognizer.translates)
            language = model_language(job, model.languages)
        except EntryError as error:
            return error
        return Speech(
            samples=samples,
            language=language,
            last_language=last_language(job, model.languages),
            language_odds=known_odds(job.languages, model.languages),
            allowed=allowed_languages(job, model.languages),
            translate=job.task == "translate",
            prefix=job.committed if final and job.finals == "stable" else "",
            prompt=job.prompt,
            hotwords=job.hotwords,
            context=job.context,
            context_language=job.context_language,
            beam_size=self._settings.beam_size if final else 1,
            # Previews need the words' probabilities to decide what is shown. Voices change between two words.
            words=job.words
            or job.partial_words
            or job.decoding
            or not final
            or ((describe_voices or target is not None) and can_be_divided(samples)),
            tokens=final and job.decoding,
            final=final,
            judge_turn=job.judge_turn,
            describe_voices=describe_voices,
            measure_voice=job.measure_voice and self._voices is not None,
            target=target,
            denoise=job.denoise,
            draft=_draft(job) if model.continues_drafts else (),
            draft_language=draft_language(job, model.languages),
            draft_language_probability=job.draft_language_probability,
            utterance=f"{job.session}/{job.utterance}",
            traceparent=job.traceparent,
        )


def _outcome(job: AudioJob, hypothesis: Hypothesis, model: RoutedModel) -> Outcome:
    written = in_requested_script(job, without_unchecked(job, hypothesis))
    if job.kind == "final":
        return final_outcome(job, written)
    # The draft keeps the script of the model: a second conversion would change more characters.
    continues = model.continues_drafts and job.task == "transcribe"
    return preview_outcome(job, written, hypothesis.words if continues else ())


def _draft(job: AudioJob) -> tuple[RecognizedWord, ...]:
    """The words of the last preview. The committed words of a stable session are not repeated from it.

    Drafts have no tokens, so a client that asks for them gets finals that are decoded as a whole.
    """
    if job.kind == "final" and (job.finals == "stable" or job.decoding):
        return ()
    return tuple(
        RecognizedWord(word.text, word.start, word.end, word.probability, math.log(max(word.probability, 1e-6)))
        for word in job.draft
    )


def _audio_s(speeches: Sequence[Speech]) -> float:
    return sum(len(speech.samples) for speech in speeches) / SAMPLE_RATE


async def _main(stop: asyncio.Event) -> None:
    settings = SttSettings()
    logging.configure("stt_worker", settings)
    tracing.configure("stt_worker")
    lower_priority(settings.nice)
    retain_freed_memory()
    with MetricsServer().serving(settings) as metrics_server:
        # In threads: locking a GPU, reading files and loading weights block, while health checks must be answered. The
        # GPU comes first, because a calibration belongs to a device.
        settings = await asyncio.to_thread(with_own_gpu, settings)
        settings = await asyncio.to_thread(with_calibration, settings)
        recognizer = await asyncio.to_thread(load_recognizer, settings)
        routes = await asyncio.to_thread(load_routes, settings)
        turns = await asyncio.to_thread(load_turn_model, settings)
        voices = await asyncio.to_thread(load_voice_model, settings)
        denoiser = await asyncio.to_thread(load_denoiser, settings)
        await serve(recognizer, settings, stop, metrics_server, turns, voices, denoiser, routes)


async def serve(
    recognizer: Recognizer,
    settings: SttSettings,
    stop: asyncio.Event,
    metrics_server: MetricsServer,
    turns: TurnJudge | None = None,
    voices: VoiceDescriber | None = None,
    denoiser: Denoiser | None = None,
    routes: Sequence[RoutedModel] = (),
) -> None:
    """Recognize the audio of all shards until `stop` is set."""
    worker = SttWorker(recognizer, settings, turns, voices, denoiser, routes)
    router = worker.router
    place = {"device": recognizer.device, "compute_type": recognizer.compute_type}
    description: dict[str, object] = {
        "model": recognizer.model,
        "engine": recognizer.engine,
        **place,
        "beam_size": settings.beam_size,
    }
    description |= router.announcement()
    if turns:
        description["turns"] = True
    if voices:
        # "targets": it also leaves out the text of voices that a session does not want.
        description |= {"voices": True, "targets": True}
    if denoiser:
        description["denoise"] = True
    for one in (model.recognizer for model in router.models):
        MODEL.labels("stt", one.model, one.device, one.compute_type).set(1)

    def about() -> dict[str, object]:
        return {**description, **worker.report()}

    await run_worker("stt", settings, AUDIO, worker.handle, about, stop, metrics_server, overlap=router.overlap)


if __name__ == "__main__":
    serve_until_signalled("stt_worker", _main)
