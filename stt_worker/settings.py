"""The STT worker's settings; the prefix is STT_."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class SttSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="STT_")

    model: str = "auto"
    """A catalogue name, directory, hf://ORG/NAME, URL, or "null". "auto": large-v3-turbo on a GPU, base on a CPU."""
    recognizer: Literal["auto", "ctranslate2", "torch", "onnx"] = "auto"
    """Library that runs a model on this machine. "auto": the one that the format of the model's files needs."""
    routes: str = ""
    """More models of this worker, as "LANGUAGES=MODEL" or "LANGUAGES<SECONDS=MODEL", separated by semicolons."""
    onnx_family: str = "auto"
    """Kind of an ONNX model, such as transducer, sense-voice or moonshine. "auto": by its files and its name."""
    onnx_languages: str = "auto"
    """Whisper's codes of the languages of an ONNX model, separated by commas. "auto": by its name."""
    onnx_punctuation: str = ""
    """Directory of a sherpa-onnx model that adds punctuation to the texts of ONNX models that write none. "": none."""
    beam_size: int = Field(default=5, ge=1, le=20)
    """Beam size of finals. Previews are decoded greedily."""
    threads: int = Field(default=0, ge=0)
    """CPU threads that decode one batch; 0: the result of `nova doctor --calibrate`, else one."""
    at_once: int = Field(default=0, ge=0, le=64)
    """Batches that a CPU decodes at the same time; 0: as many as it has cores, at most 8."""
    flash_attention: bool = False
    """Use CTranslate2's flash attention on a GPU, if CTranslate2 was built with it."""
    windows: str = Field(default="auto", pattern=r"^(auto|\d+,\d+,\d+(\.\d+)?)$")
    """The encoder windows as FLOOR,STEP,MARGIN in seconds; "auto": 8,2,4."""
    turn_model: str = "auto"
    """Model that judges whether a speaker has finished: a directory, or "auto": smart-turn if installed. "": none."""
    voice_model: str = "auto"
    """Model that describes voices: a directory, an ONNX file, or "auto": campplus if installed. "": none."""
    denoise_model: str = "auto"
    """Model that reduces noise: a directory, an ONNX file, or "auto": gtcrn if installed. "": none."""
    null_cost: float = Field(default=0.0, ge=0.0)
    """With the model "null": seconds of work for each second of audio."""
    null_base_s: float = Field(default=0.0, ge=0.0)
    """With the model "null": additional seconds of work for each batch."""
    remote_model: str = "whisper-1"
    """With a URL as model: the name of the model at the endpoint."""
    remote_translates: bool = False
    """Whether the endpoint also serves /audio/translations, so that sessions may have `task` "translate"."""
    remote_key: SecretStr = SecretStr("")
    """The API key for the endpoint; empty: none is sent."""
    remote_timeout_s: float = Field(default=30.0, gt=0.0)
    """Seconds after which a request to the endpoint fails."""
    remote_at_once: int = Field(default=4, ge=1, le=64)
    """Maximum number of simultaneous requests of this worker to the endpoint."""
