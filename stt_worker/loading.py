"""Build the recognizer that the settings name.

Modules that load a model's libraries are imported inside the functions: a worker with a remote recognizer does not need
them, and its image may lack them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backend import models
from backend.engines.device_locks import with_own_device
from backend.errors import ModelError
from backend.models.formats import DENOISE_FILES, VOICE_FILES
from stt_worker.recognizers.encoder_windows import EncoderWindows
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Denoiser, Recognizer, TurnJudge, VoiceDescriber
from stt_worker.recognizers.remote import RemoteRecognizer
from stt_worker.settings import SttSettings

if TYPE_CHECKING:
    from stt_worker.recognizers.whisper import FasterWhisper

Loaded = TypeVar("Loaded")

TURN_MODEL, VOICE_MODEL, DENOISE_MODEL = "smart-turn", "campplus", "gtcrn"


def load_recognizer(settings: SttSettings) -> Recognizer:
    """Load the recognizer that `settings.model` names. Raises ModelError. A new engine is one more case here."""
    match _scheme(settings):
        case "null":
            return NullRecognizer(settings.null_cost, settings.null_base_s)
        case "http" | "https":
            return RemoteRecognizer(
                settings.model,
                model=settings.remote_model,
                key=settings.remote_key,
                timeout_s=settings.remote_timeout_s,
                at_once=settings.remote_at_once,
                translates=settings.remote_translates,
            )
        case _:
            return load_whisper_recognizer(model_directory(settings), settings)


def load_whisper_recognizer(directory: Path, settings: SttSettings) -> "FasterWhisper":
    """Load the Whisper model in a directory, on the hardware that the settings select. Raises ModelError."""
    from backend.engines.loading import Hardware
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
        windows=EncoderWindows.parse(settings.windows),
    )


def load_turn_model(settings: SttSettings) -> TurnJudge | None:
    """Load the model that judges turns. None: the settings name none, or "auto" finds none on this machine.

    Raises ModelError if a named model is missing or damaged.
    """

    def load(directory: Path) -> TurnJudge:
        from stt_worker.recognizers.turn_model import TurnModel

        return TurnModel(directory)

    return _load_optional(settings.turn_model, TURN_MODEL, load)


def load_voice_model(settings: SttSettings) -> VoiceDescriber | None:
    """Load the model that describes voices. None: the settings name none, or "auto" finds none on this machine.

    Raises ModelError if a named model is missing or damaged.
    """

    def load(place: Path) -> VoiceDescriber:
        from stt_worker.voices.voice_model import VoiceModel

        return VoiceModel(_model_file(place, VOICE_FILES))

    return _load_optional(settings.voice_model, VOICE_MODEL, load)


def load_denoiser(settings: SttSettings) -> Denoiser | None:
    """Load the model that reduces noise. None: the settings name none, or "auto" finds none on this machine.

    Raises ModelError if a named model is missing or damaged.
    """

    def load(place: Path) -> Denoiser:
        from stt_worker.noise.gtcrn import Gtcrn

        return Gtcrn(_model_file(place, DENOISE_FILES))

    return _load_optional(settings.denoise_model, DENOISE_MODEL, load)


def _model_file(place: Path, names: Sequence[str]) -> Path:
    """A file itself, or the one in a directory that has one of these names. Raises ModelError."""
    files = [place] if place.is_file() else [place / name for name in names if (place / name).is_file()]
    if not files:
        raise ModelError(f"{place} holds no model of this kind: it needs {' or '.join(names)}")
    return files[0]


def _load_optional(setting: str, default: str, load: Callable[[Path], Loaded]) -> Loaded | None:
    """Load the model that a setting names. With "auto", None if the default or its libraries are not installed."""
    name = default if setting == "auto" else setting
    if not name:
        return None
    try:
        place = Path(name) if name.endswith(".onnx") else models.resolve(name)
    except ModelError:
        if setting == "auto":
            return None
        raise
    try:
        return load(place)
    except ImportError as error:
        # Images for remote recognizers lack the libraries.
        if setting == "auto":
            return None
        raise ModelError(f"{name} cannot be loaded: {error}") from error


def model_directory(settings: SttSettings) -> Path:
    """The directory of the Whisper model that the settings name. Raises ModelError if it is not on this machine."""
    return models.resolve(models.auto("whisper", settings.device) if settings.model == "auto" else settings.model)


def with_calibration(settings: SttSettings) -> SttSettings:
    """Fill in what `nova doctor --calibrate` measured for the model, where the settings leave it open."""
    if _runs_elsewhere(settings):
        return settings
    from stt_worker.calibration.storage import apply_stored

    return apply_stored(settings, model_directory(settings))


def with_own_gpu(settings: SttSettings) -> SttSettings:
    """Replace the device index "auto" by a GPU that no other STT worker on this machine holds."""
    if _runs_elsewhere(settings):
        return settings
    from backend.engines.loading import count_gpus

    return with_own_device(settings, "stt", models.ModelStore.from_environment().device_locks, count_gpus)


def _scheme(settings: SttSettings) -> str:
    return settings.model.partition("://")[0]


def _runs_elsewhere(settings: SttSettings) -> bool:
    """Whether the recognizer computes nothing on this machine."""
    return _scheme(settings) in {"null", "http", "https"}
