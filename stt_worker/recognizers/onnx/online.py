"""Models in ONNX format that decode incrementally, run by sherpa-onnx in batches of utterances of any sessions."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.onnx.families import ModelFamily
from stt_worker.recognizers.onnx.model_loading import first_line, load_onnx
from stt_worker.recognizers.onnx.results import TokenSequence
from stt_worker.recognizers.recognizer import Hypothesis, Speech

# Silence after the end of an utterance: models decode a chunk only when the audio after it has arrived.
TAIL = np.zeros(round(0.8 * SAMPLE_RATE), np.float32)


class OnlineModel:
    """A `StreamingModel` for models in ONNX format. Raises ModelError if the model does not load."""

    engine = "sherpa-onnx"
    measures_words = True

    def __init__(
        self,
        path: Path,
        family: ModelFamily,
        *,
        model: str,
        device: str = "auto",
        threads: int = 1,
        languages: str = "auto",
        punctuation: Path | None = None,
    ) -> None:
        kind = sherpa_onnx.OnlineRecognizer
        loaded = load_onnx(kind, path, family, model, device, threads, languages, punctuation)
        self._recognizer, self._hotwords, self._languages = loaded.recognizer, loaded.hotwords, loaded.languages
        self.languages: Collection[str] | None = loaded.languages
        self.model, self.device, self.compute_type = model, loaded.device, loaded.compute_type
        self.uses_hotwords, self._punctuate = loaded.hotwords.work, loaded.punctuate
        self._decode_silence()

    def begin(self, speech: Speech) -> Any:
        """A stream of sherpa-onnx."""
        return self._hotwords.create_stream(self._recognizer, speech)

    def accept(self, states: Sequence[Any], pieces: Sequence[NDArray[np.float32]], finished: Sequence[bool]) -> None:
        """Decode in steps: each takes one chunk of every stream that has one."""
        for stream, piece, ends in zip(states, pieces, finished, strict=True):
            stream.accept_waveform(SAMPLE_RATE, np.concatenate([piece, TAIL]) if ends else piece)
            if ends:
                stream.input_finished()
        while ready := [stream for stream in states if self._recognizer.is_ready(stream)]:
            self._recognizer.decode_streams(ready)

    def hypothesis(self, state: Any, speech: Speech) -> Hypothesis:
        """The text so far."""
        found = self._recognizer.get_result_all(state)
        tokens = TokenSequence(self._punctuate(found.text), found.tokens, found.timestamps, found.ys_probs)
        return tokens.hypothesis(speech, languages=self._languages, aligned=True)

    def _decode_silence(self) -> None:
        """Run the model once: a file of another family loads, and fails only then."""
        try:
            self.accept([self._recognizer.create_stream()], [np.zeros(SAMPLE_RATE, np.float32)], [True])
        except RuntimeError as error:
            raise ModelError(f"cannot run the model {self.model}: {first_line(error)}") from error
