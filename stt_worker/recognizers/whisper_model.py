"""Load Whisper weights with faster-whisper, and compute the log-mel features of audio."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer as VocabularyTokenizer

from backend.engines.loading import DevicePlacement, Hardware, load_model
from backend.errors import ModelError
from backend.messages.languages import LANGUAGES
from stt_worker.recognizers.encoder_windows import EncoderWindows

# How far digital silence lies below the loudest value of the features: the extractor clips log10 energies at 8 below
# their maximum and divides by 4.
DYNAMIC_RANGE = 2.0


class WhisperEngine(Protocol):
    """The calls of CTranslate2's Whisper that the recognizer makes; its documentation describes arguments and results.

    https://opennmt.net/CTranslate2/python/ctranslate2.models.Whisper.html
    """

    is_multilingual: bool
    n_mels: int
    compute_type: str

    def encode(self, mels: NDArray[np.float32]) -> Any:
        """Encode features [batch, n_mels, frames]."""

    def generate(self, encoded: Any, prompts: Sequence[Sequence[int]], **options: Any) -> Sequence[Any]:
        """Write a text for each prompt."""

    def detect_language(self, encoded: Any) -> Sequence[Sequence[tuple[str, float]]]:
        """The languages of each audio, as tokens with probabilities."""

    def align(
        self,
        encoded: Any,
        start: Sequence[int],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
        *,
        median_filter_width: int = 7,
    ) -> Sequence[Any]:
        """Align the tokens of each text with its audio."""


@dataclass(frozen=True, slots=True)
class LoadedWhisper:
    """A Whisper model on a device. The engine decodes `parallel_batches`, and `overlap` threads may call it."""

    engine: WhisperEngine
    feature_extractor: FeatureExtractor
    hf_tokenizer: VocabularyTokenizer
    device: str
    parallel_batches: int
    overlap: int


class CTranslate2Engine:
    """A `WhisperEngine` on CTranslate2."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.is_multilingual, self.n_mels = bool(model.is_multilingual), int(model.n_mels)
        self.compute_type = str(model.compute_type)
        self.generate, self.detect_language, self.align = model.generate, model.detect_language, model.align

    def encode(self, mels: NDArray[np.float32]) -> Any:
        return self._model.encode(ctranslate2.StorageView.from_array(mels))


def load_whisper(path: Path, hardware: Hardware) -> LoadedWhisper:
    """Load the model and run it once. Raises ModelError."""
    if not (path / "model.bin").is_file():
        raise ModelError(f"no model in {path}: model.bin is missing")
    # Only for the features, computed by numpy: their matrices are small, and several BLAS threads wait for each other
    # and compete with the decoder, which has its own threads.
    threadpool_limits(1, user_api="blas")

    def open_model(placement: DevicePlacement) -> WhisperModel:
        return _open(path, hardware, placement)

    whisper, device = load_model(path.name, hardware, open_model)
    parallel_batches = hardware.parallel_batches if device == "cpu" else 1
    # On a GPU, the CPU computes the features of the next batch meanwhile. On a CPU both would share the same cores.
    overlap = parallel_batches if device == "cpu" else 2
    engine = CTranslate2Engine(whisper.model)
    return LoadedWhisper(engine, whisper.feature_extractor, whisper.hf_tokenizer, device, parallel_batches, overlap)


def model_languages(whisper: LoadedWhisper) -> frozenset[str]:
    """The languages that have a token in the model's vocabulary; an English-only model has none and knows English."""
    if not whisper.engine.is_multilingual:
        return frozenset({"en"})
    codes = {language.whisper for language in LANGUAGES if language.whisper}
    return frozenset(code for code in codes if whisper.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)


def writes_english(whisper: LoadedWhisper, name: str) -> bool:
    """Whether the model was trained to translate speech into English.

    The turbo model was not (openai/whisper, discussion 2363), nor were the distilled ones (huggingface/distil-whisper).
    They have the token, and write the language of the speech.
    """
    return whisper.engine.is_multilingual and not any(kind in name for kind in ("turbo", "distil"))


def _open(path: Path, hardware: Hardware, placement: DevicePlacement) -> WhisperModel:
    on_gpu = placement.device == "cuda"
    # Passed only when set: CTranslate2 builds without flash attention reject the argument.
    options = {"flash_attention": True} if hardware.flash_attention and on_gpu else {}
    whisper = WhisperModel(
        str(path),
        device=placement.device,
        device_index=placement.index,
        compute_type=placement.compute_type,
        cpu_threads=hardware.threads or 1,
        num_workers=1 if on_gpu else hardware.parallel_batches,
        **options,
    )
    start = whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")
    silence = np.zeros((1, whisper.model.n_mels, EncoderWindows().sizes[0]), np.float32)
    whisper.model.generate(ctranslate2.StorageView.from_array(silence), [[start]], max_length=8, beam_size=1)
    return whisper


def log_mel(extractor: FeatureExtractor, samples: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Compute log-mel features [n_mels, frames], padded with digital silence as in Whisper's training.

    faster-whisper pads with zeros instead, which is a hum in its log scale. In short windows that costs one percentage
    point of word error rate.
    """
    features = extractor(samples)[:, :frames]
    mel = np.full((features.shape[0], frames), features.max() - DYNAMIC_RANGE, np.float32)
    mel[:, : features.shape[1]] = features
    return mel
