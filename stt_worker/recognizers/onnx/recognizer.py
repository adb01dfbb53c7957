"""Models in ONNX format, run by sherpa-onnx in batches of audio from any sessions."""

import importlib.metadata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import sherpa_onnx
import structlog

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.options import TRANSLATED_LANGUAGE
from backend.service import tracing
from stt_worker.recognizers.encoder_windows import group_batches
from stt_worker.recognizers.onnx.families import ModelFamily, model_files, model_languages
from stt_worker.recognizers.onnx.hotwords import TOKENS_FILE, Hotwords
from stt_worker.recognizers.onnx.results import TokenSequence, language_code
from stt_worker.recognizers.recognizer import Hypothesis, Speech

log = structlog.get_logger()


class OnnxRecognizer:
    """A `Recognizer` for models in ONNX format.

    `languages`: codes, or "auto". Raises ModelError if the model does not load.
    """

    engine = "sherpa-onnx"
    continues_drafts = False
    uses_prompts = False

    def __init__(
        self,
        path: Path,
        family: ModelFamily,
        *,
        model: str,
        device: str = "auto",
        threads: int = 1,
        batch_size: int = 8,
        languages: str = "auto",
    ) -> None:
        files = sorted(file.name for file in path.iterdir())
        self._family = family
        self._languages = model_languages(languages, model)
        self.languages: Collection[str] | None = self._languages
        self.translates = self._family.translates
        self.measures_words = self._family.aligned
        self.model, self.device = model, choose_device(device)
        chosen = model_files(self._family, files, quantized=self.device == "cpu")
        self.compute_type = "int8" if any("int8" in file for file in chosen.values()) else "float32"
        # onnxruntime divides each operation among the threads, so one batch uses all of them.
        self.overlap = self.parallel_batches = 1
        self._batch_size = batch_size
        self._hotwords = Hotwords(path, self._family, self._languages)
        self.uses_hotwords = self._hotwords.work
        arguments = {**self._family.arguments, **self._hotwords.arguments}
        self._recognizer = load_onnx(
            sherpa_onnx.OfflineRecognizer, path, self._family, chosen, arguments, self.device, threads
        )
        self._recognize_silence()

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Return one hypothesis for each piece of audio, in order."""
        results: dict[int, Hypothesis] = {}
        # Of the families, only Canary has a language and a task, and they apply to a whole call.
        layouts = [self._task(speech) if self._family.translates else None for speech in batch]
        for places in group_batches(layouts, self._batch_size):
            if task := layouts[places[0]]:
                self._set_task(*task)
            group = [batch[i] for i in places]
            with tracing.stage("decode", group):
                results.update(zip(places, self._decode(group), strict=True))
        return [results[i] for i in range(len(batch))]

    def _decode(self, group: Sequence[Speech]) -> list[Hypothesis]:
        streams = []
        for speech in group:
            streams.append(self._hotwords.create_stream(self._recognizer, speech))
            streams[-1].accept_waveform(SAMPLE_RATE, speech.samples)
        self._recognizer.decode_streams(streams)
        return [
            _tokens(stream.result).hypothesis(speech, languages=self._languages, aligned=self._family.aligned)
            for stream, speech in zip(streams, group, strict=True)
        ]

    def _task(self, speech: Speech) -> tuple[str, str]:
        """The languages of the speech and of the text. Canary cannot detect the former."""
        spoken = speech.language or speech.last_language or "en"
        return spoken, TRANSLATED_LANGUAGE if speech.translate else spoken

    def _set_task(self, spoken: str, written: str) -> None:
        config = self._recognizer.config
        config.model_config.canary.src_lang, config.model_config.canary.tgt_lang = spoken, written
        self._recognizer.recognizer.set_config(config)

    def _recognize_silence(self) -> None:
        """Run the model once: a file of another family loads, and fails only then."""
        stream = self._recognizer.create_stream()
        stream.accept_waveform(SAMPLE_RATE, [0.0] * SAMPLE_RATE)
        try:
            self._recognizer.decode_streams([stream])
        except RuntimeError as error:
            raise ModelError(f"cannot run the model {self.model}: {first_line(error)}") from error


def choose_device(device: str) -> str:
    """A CUDA device needs a build of sherpa-onnx for it. The name of its version contains "cuda"."""
    if device != "cpu" and "cuda" in importlib.metadata.version("sherpa-onnx"):
        return "cuda:0"
    if device == "cuda":
        log.warning("gpu_unusable", error="this build of sherpa-onnx has no CUDA", fallback="cpu")
    return "cpu"


def load_onnx(
    kind: type,
    path: Path,
    family: ModelFamily,
    chosen: dict[str, str],
    arguments: Mapping[str, object],
    device: str,
    threads: int,
) -> Any:
    """Load a model with a class of sherpa-onnx. Raises ModelError."""
    build = getattr(kind, f"from_{family.constructor}")
    try:
        recognizer = build(
            **{argument: str(path / file) for argument, file in chosen.items()},
            **arguments,
            tokens=str(path / TOKENS_FILE),
            num_threads=threads,
            provider=device.partition(":")[0],
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"cannot load the model {path.name}: {first_line(error)}") from error
    log.info("model_loaded", model=path.name, family=family.name, device=device)
    return recognizer


def _tokens(result: Any) -> TokenSequence:
    return TokenSequence(result.text, result.tokens, result.timestamps, result.ys_log_probs, language_code(result.lang))


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
