"""The translation worker process: `python -m translation_worker.worker`."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import structlog

from backend import models
from backend.engines.device_locks import with_own_device
from backend.errors import ModelError, ProtocolError, UnsupportedPairError
from backend.messages.jobs import Transcript
from backend.messages.languages import flores_code
from backend.messages.protocol import Message
from backend.service import logging, tracing
from backend.service.lifecycle import lower_priority, retain_freed_memory, serve_until_signalled
from backend.service.metrics import MODEL
from backend.service.metrics_server import MetricsServer
from backend.streams.job_streams import TRANSCRIPTS, Entry, Outcome
from backend.streams.worker.process import run_worker
from translation_worker import metrics
from translation_worker.request import TranslationRequest
from translation_worker.settings import TranslationSettings
from translation_worker.translator import Passage, Translator, pick_translator

log = structlog.get_logger()


class TranslationWorker:
    """Translates transcripts of all sessions into all requested languages, in as few calls as possible."""

    def __init__(self, translators: Sequence[Translator], settings: TranslationSettings) -> None:
        self._translators, self._settings = translators, settings
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    async def handle(self, batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
        """Return one outcome for each transcript: its translations, or notices that name the model to install."""
        transcripts = [entry.job for entry in batch]
        requests = [
            TranslationRequest(transcript, target) for transcript in transcripts for target in transcript.translate_to
        ]
        events = await asyncio.get_running_loop().run_in_executor(self._thread, self._translate_all, requests)
        outcomes = []
        for transcript in transcripts:
            answered = zip(requests, events, strict=True)
            own = tuple(event for request, event in answered if request.transcript is transcript)
            outcomes.append(Outcome(durable=own) if transcript.kind == "final" else Outcome(live=own))
        return outcomes

    def _translate_all(self, requests: Sequence[TranslationRequest]) -> list[Message]:
        events: list[Message | None] = [None] * len(requests)
        work: list[tuple[int, Translator, Passage]] = []
        for number, request in enumerate(requests):
            try:
                if request.needs_no_model:
                    events[number] = request.event(request.rewritten())
                else:
                    translator, target = pick_translator(self._translators, request.source, flores_code(request.target))
                    work.append((number, translator, request.passage(target, self._settings.beam_size)))
            except (UnsupportedPairError, ProtocolError) as error:
                metrics.UNSERVED.inc()
                events[number] = request.notice(UnsupportedPairError(error.message))
        # Passages of the same model share a call, whatever their sessions and languages.
        for _, same in groupby(sorted(work, key=lambda item: id(item[1])), key=lambda item: id(item[1])):
            group = list(same)
            passages = [passage for _, _, passage in group]
            texts = self._translate(group[0][1], passages, [requests[number].transcript for number, _, _ in group])
            for (number, _, passage), text in zip(group, texts, strict=True):
                events[number] = requests[number].event(requests[number].deliver(passage, text))
        return [event for event in events if event is not None]

    def _translate(self, translator: Translator, passages: list[Passage], of: Sequence[Transcript]) -> list[str]:
        metrics.BATCH_SIZE.observe(len(passages))
        traced = list({id(transcript): transcript for transcript in of}.values())
        with (
            metrics.SECONDS.labels(of[0].kind).time(),
            tracing.stage("translate", traced, passages=len(passages), model=translator.model),
        ):
            return translator.translate(passages)


def load(settings: TranslationSettings) -> list[Translator]:
    """Load the models that the settings name, in order of preference. Takes seconds; raises ModelError."""
    from backend.engines.loading import Hardware
    from translation_worker.nllb import Nllb
    from translation_worker.opus import Opus

    engines: dict[str, type[Nllb] | type[Opus]] = {"nllb": Nllb, "opus": Opus}
    hardware = Hardware(settings.device, settings.device_index, settings.compute_type, settings.threads)
    names = [name.strip() for name in settings.models.split(",") if name.strip()]
    if names == ["auto"]:
        names = [str(found.path) for found in models.installed() if found.kind in engines]
    translators: list[Translator] = []
    for name in names:
        directory = models.resolve(name)
        kind = models.identify(directory)
        if kind not in engines:
            raise ModelError(f"{name} is a {kind} model and cannot translate")
        translators.append(engines[kind](directory, hardware))
    return translators


def with_own_gpu(settings: TranslationSettings) -> TranslationSettings:
    """Replace the device index "auto" by a GPU that no other translation worker on this machine holds."""
    from backend.engines.loading import count_gpus

    return with_own_device(settings, "translation", models.ModelStore.from_environment().device_locks, count_gpus)


async def _main(stop: asyncio.Event) -> None:
    settings = TranslationSettings()
    logging.configure("translation_worker", settings)
    tracing.configure("translation_worker")
    lower_priority(settings.nice)
    retain_freed_memory()
    with MetricsServer().serving(settings) as metrics_server:
        settings = await asyncio.to_thread(with_own_gpu, settings)
        translators = await asyncio.to_thread(load, settings)
        worker = TranslationWorker(translators, settings)
        about = _about(translators)
        await run_worker("translation", settings, TRANSCRIPTS, worker.handle, lambda: about, stop, metrics_server)


def _about(translators: Sequence[Translator]) -> dict[str, object]:
    """Describe the models for the heartbeat, and export the same to Prometheus."""
    for translator in translators:
        MODEL.labels("translation", translator.model, translator.device, translator.compute_type).set(1)
    return {
        "model": ", ".join(translator.model for translator in translators) or "none",
        "device": ", ".join(sorted({translator.device for translator in translators})) or "none",
        "compute_type": ", ".join(sorted({translator.compute_type for translator in translators})) or "none",
        "pairs": [translator.pairs() for translator in translators],
        "translates": [translator.served().announcement() for translator in translators],
    }


if __name__ == "__main__":
    serve_until_signalled("translation_worker", _main)
