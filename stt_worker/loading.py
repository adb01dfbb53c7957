"""Build the recognizer that the settings name.

Modules that load a model's libraries are imported inside the functions: a worker with a remote recognizer does not need
them, and its image may lack them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar

from backend import models
from backend.engines.device_locks import with_own_device
from backend.errors import ModelError
from backend.models.formats import DENOISE_FILES, VOICE_FILES
from backend.service.settings import ANY_DEVICE
from stt_worker.recognizers.encoder_windows import EncoderWindows
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.onnx.families import STREAMING_METADATA, find_family
from stt_worker.recognizers.onnx.metadata import metadata_entries
from stt_worker.recognizers.recognizer import Denoiser, Recognizer, TurnJudge, VoiceDescriber
from stt_worker.recognizers.remote import RemoteRecognizer
from stt_worker.recognizers.streaming.recognizer import StreamingRecognizer
from stt_worker.routing.routed_model import RoutedModel
from stt_worker.routing.rules import parse_routes
from stt_worker.settings import SttSettings

if TYPE_CHECKING:
    from backend.engines.loading import Hardware
    from stt_worker.recognizers.whisper import FasterWhisper

Loaded = TypeVar("Loaded")

Engine = Literal["null", "remote", "ctranslate2", "torch", "onnx"]
ENGINES_BY_SCHEME: Mapping[str, Engine] = {"null": "null", "http": "remote", "https": "remote"}
ENGINES_BY_FORMAT: Mapping[models.ModelKind, Engine] = {"whisper-transformers": "torch", "sherpa-onnx": "onnx"}
TURN_MODEL, VOICE_MODEL, DENOISE_MODEL = "smart-turn", "campplus", "gtcrn"


def load_recognizer(settings: SttSettings) -> Recognizer:
    """Load the recognizer that the settings name. Raises ModelError. A new engine is one more case here."""
    match find_engine(settings):
        case "null":
            return NullRecognizer(settings.null_cost, settings.null_base_s)
        case "remote":
            return RemoteRecognizer(
                settings.model,
                model=settings.remote_model,
                key=settings.remote_key,
                timeout_s=settings.remote_timeout_s,
                at_once=settings.remote_at_once,
                translates=settings.remote_translates,
            )
        case "onnx":
            return _load_onnx_recognizer(model_directory(settings), settings)
        case "torch":
            return _load_torch_recognizer(model_directory(settings), settings)
        case "ctranslate2":
            return load_whisper_recognizer(model_directory(settings), settings)


def load_routes(settings: SttSettings) -> list[RoutedModel]:
    """Load the models of `STT_ROUTES`, in order. Raises ModelError.

    The format of their files selects the engine of each, because the settings about engines are those of `STT_MODEL`.
    """
    plain = {"recognizer": "auto", "onnx_family": "auto", "onnx_languages": "auto", "routes": ""}
    return [
        RoutedModel(load_recognizer(settings.model_copy(update={**plain, "model": model})), rule)
        for rule, model in parse_routes(settings.routes)
    ]


def find_engine(settings: SttSettings) -> Engine:
    """Choose the engine of the model by its address, by the settings, or by the format of its files.

    Raises ModelError if the model is not on this machine, or in an unknown format.
    """
    if engine := ENGINES_BY_SCHEME.get(settings.model.partition("://")[0]):
        return engine
    if settings.recognizer != "auto":
        return settings.recognizer
    return ENGINES_BY_FORMAT.get(models.identify(model_directory(settings)), "ctranslate2")


def load_whisper_recognizer(directory: Path, settings: SttSettings) -> "FasterWhisper":
    """Load the CTranslate2 model in a directory, on the hardware that the settings select. Raises ModelError."""
    from stt_worker.recognizers.whisper import FasterWhisper

    return FasterWhisper(
        directory,
        model=directory.name,
        hardware=_hardware(settings),
        batch_size=settings.batch,
        windows=EncoderWindows.parse(settings.windows),
    )


def _load_torch_recognizer(directory: Path, settings: SttSettings) -> Recognizer:
    with _extra("torch"):
        from stt_worker.recognizers.pytorch.recognizer import TorchWhisper

    return TorchWhisper(
        directory,
        model=_name(settings, directory),
        hardware=_hardware(settings),
        batch_size=settings.batch,
        windows=EncoderWindows.parse(settings.windows),
    )


def _load_onnx_recognizer(directory: Path, settings: SttSettings) -> Recognizer:
    with _extra("onnx"):
        from stt_worker.recognizers.onnx.online import OnlineModel
        from stt_worker.recognizers.onnx.recognizer import OnnxRecognizer

    name, files = _name(settings, directory), sorted(file.name for file in directory.iterdir())
    family = find_family(settings.onnx_family, name, files, metadata_entries(directory, STREAMING_METADATA))
    options = _OnnxOptions(
        model=name,
        device=settings.device,
        threads=settings.threads,
        languages=settings.onnx_languages,
        punctuation=Path(settings.onnx_punctuation) if settings.onnx_punctuation else None,
    )
    if family.online:
        return StreamingRecognizer(OnlineModel(directory, family, **options))
    return OnnxRecognizer(directory, family, batch_size=settings.batch, **options)


class _OnnxOptions(TypedDict):
    """Arguments of both kinds of ONNX models."""

    model: str
    device: str
    threads: int
    languages: str
    punctuation: Path | None


def _name(settings: SttSettings, directory: Path) -> str:
    """The name of a model. The directory of a repository of the hub has that of its revision."""
    return settings.model.partition("@")[0].rpartition("/")[2] if "://" in settings.model else directory.name


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Raises ModelError, with the command to run, if the packages of an extra are missing."""
    try:
        yield
    except ImportError as error:
        raise ModelError(f"this model needs the package {error.name}: pip install 'nova-voice[{name}]'") from error


def _hardware(settings: SttSettings) -> "Hardware":
    from backend.engines.loading import Hardware

    return Hardware(
        settings.device,
        settings.device_index,
        settings.compute_type,
        settings.threads,
        settings.at_once,
        settings.flash_attention,
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
    """The directory of the model that the settings name. Raises ModelError if it is not on this machine."""
    return models.resolve(models.auto("whisper", settings.device) if settings.model == "auto" else settings.model)


def with_calibration(settings: SttSettings) -> SttSettings:
    """Fill in what `nova doctor --calibrate` measured for the model, where the settings leave it open."""
    if find_engine(settings) != "ctranslate2":
        return settings
    from stt_worker.calibration.storage import apply_stored

    return apply_stored(settings, model_directory(settings))


def with_own_gpu(settings: SttSettings) -> SttSettings:
    """Replace the device index "auto" by a GPU that no other STT worker on this machine holds."""
    if settings.device_index != ANY_DEVICE or find_engine(settings) in ("null", "remote"):
        return settings
    return with_own_device(settings, "stt", models.ModelStore.from_environment().device_locks, _gpu_counter(settings))


def _gpu_counter(settings: SttSettings) -> Callable[[], int]:
    """CTranslate2 does not see all devices that PyTorch has."""
    if find_engine(settings) == "torch":
        with _extra("torch"):
            from stt_worker.recognizers.pytorch.recognizer import count_devices

        return count_devices
    from backend.engines.loading import count_gpus

    return count_gpus
