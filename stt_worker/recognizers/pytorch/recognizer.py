"""The recognizer for Whisper models in the format of the package transformers, on PyTorch."""

import json
from pathlib import Path

import structlog
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer as VocabularyTokenizer

from backend.engines.loading import Hardware, default_cores
from backend.errors import ModelError
from stt_worker.recognizers.encoder_windows import EncoderWindows
from stt_worker.recognizers.pytorch.engine import TorchEngine
from stt_worker.recognizers.pytorch.weights import load_network
from stt_worker.recognizers.whisper import WhisperRecognizer
from stt_worker.recognizers.whisper_model import LoadedWhisper

log = structlog.get_logger()

# The arithmetic by CTranslate2's names. Quantized types are those of CTranslate2 alone.
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class TorchWhisper(WhisperRecognizer):
    """A `Recognizer` for Whisper models in the format of transformers.

    Loads the weights in `path` and runs them once. Raises ModelError if they do not run on this machine.
    """

    engine = "torch"

    def __init__(
        self,
        path: Path,
        *,
        model: str,
        hardware: Hardware | None = None,
        batch_size: int = 8,
        windows: EncoderWindows | None = None,
    ) -> None:
        super().__init__(_load(path, hardware or Hardware()), model=model, batch_size=batch_size, windows=windows)


def choose_device(hardware: Hardware) -> torch.device:
    """The accelerator of this build of PyTorch, or the CPU. ROCm has the name "cuda" there, Metal "mps"."""
    found = torch.accelerator.current_accelerator(check_available=True)
    if hardware.device == "cpu" or found is None:
        if hardware.device == "cuda":
            log.warning("gpu_unusable", error="PyTorch finds none", fallback="cpu")
        return torch.device("cpu")
    return torch.device(found.type, hardware.index) if torch.accelerator.device_count() > 1 else found


def count_devices() -> int:
    """The number of accelerators that PyTorch can use."""
    return torch.accelerator.device_count() if torch.accelerator.is_available() else 0


def choose_precision(device: torch.device, compute_type: str) -> str:
    """The arithmetic on a device, by CTranslate2's name. Types that PyTorch lacks are replaced by the default."""
    return compute_type if compute_type in PRECISIONS else "float32" if device.type == "cpu" else "float16"


def _load(path: Path, hardware: Hardware) -> LoadedWhisper:
    device = choose_device(hardware)
    if device.type == "cpu":
        torch.set_num_threads(hardware.threads or default_cores())
    # As for CTranslate2: the features are small matrices of numpy, and BLAS threads compete with the decoder.
    threadpool_limits(1, user_api="blas")
    compute_type = choose_precision(device, hardware.compute_type)
    network = load_network(path, device, PRECISIONS[compute_type])
    try:
        vocabulary = VocabularyTokenizer.from_file(str(path / "tokenizer.json"))
        engine = TorchEngine(network, vocabulary, compute_type)
        extractor = _feature_extractor(path, network.shape.mels)
    except Exception as error:  # tokenizers raises plain Exception
        raise ModelError(f"cannot load the Whisper model in {path}: {error}") from error
    log.info("model_loaded", model=path.name, device=str(device), compute_type=compute_type)
    return LoadedWhisper(engine, extractor, vocabulary, str(device), 1, 1 if device.type == "cpu" else 2)


def _feature_extractor(path: Path, mels: int) -> FeatureExtractor:
    file = path / "preprocessor_config.json"
    given = json.loads(file.read_bytes()) if file.is_file() else {}
    return FeatureExtractor(feature_size=int(given.get("feature_size", mels)))
