"""Models in ONNX format, run by sherpa-onnx in batches of audio from any sessions."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import sherpa_onnx

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.options import TRANSLATED_LANGUAGE
from backend.service import tracing
from stt_worker.recognizers.encoder_windows import group_batches
from stt_worker.recognizers.onnx.families import ModelFamily
from stt_worker.recognizers.onnx.model_loading import first_line, load_onnx
from stt_worker.recognizers.onnx.results import TokenSequence, language_code
from stt_worker.recognizers.recognizer import Hypothesis, Speech


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
        punctuation: Path | None = None,
    ) -> None:
        kind = sherpa_onnx.OfflineRecognizer
        loaded = load_onnx(kind, path, family, model, device, threads, languages, punctuation)
        self._family, self._recognizer, self._hotwords = family, loaded.recognizer, loaded.hotwords
        self._languages = loaded.languages
        self.languages: Collection[str] | None = loaded.languages
        self.model, self.device, self.compute_type = model, loaded.device, loaded.compute_type
        self.translates, self.measures_words = family.translates, family.aligned
        self.uses_hotwords, self._punctuate = loaded.hotwords.work, loaded.punctuate
        # onnxruntime divides each operation among the threads, so one batch uses all of them.
        self.overlap = self.parallel_batches = 1
        self._batch_size = batch_size
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
            self._tokens(stream.result).hypothesis(speech, languages=self._languages, aligned=self._family.aligned)
            for stream, speech in zip(streams, group, strict=True)
        ]

    def _tokens(self, result: Any) -> TokenSequence:
        text = self._punctuate(result.text)
        return TokenSequence(text, result.tokens, result.timestamps, result.ys_log_probs, language_code(result.lang))

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
