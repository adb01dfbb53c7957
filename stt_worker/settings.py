"""The STT worker's settings; the prefix is STT_."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class SttSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="STT_")

    model: str = "auto"
    """A catalogue name, a directory, an endpoint's URL, or "null"; "auto": large-v3-turbo on a GPU, base on a CPU."""
    beam_size: int = Field(default=5, ge=1, le=20)
    """Beam of finals. Previews are decoded greedily."""
    threads: int = Field(default=0, ge=0)
    """CPU threads that decode one batch; 0: what `nova doctor --calibrate` found, else one."""
    at_once: int = Field(default=0, ge=0, le=64)
    """Batches that a CPU decodes at the same time; 0: as many as its cores allow, at most 8."""
    flash_attention: bool = False
    """On a GPU: CTranslate2's flash attention, where it was built with it."""
    windows: str = Field(default="auto", pattern=r"^(auto|\d+,\d+,\d+(\.\d+)?)$")
    """The encoder's windows as FLOOR,STEP,MARGIN in seconds; "auto": 8,2,4."""
    null_cost: float = Field(default=0.0, ge=0.0)
    """With the model "null": seconds that it works on each second of audio."""
    null_base_s: float = Field(default=0.0, ge=0.0)
    """With the model "null": seconds that each batch takes on top."""
    remote_model: str = "whisper-1"
    """With a URL for a model: what the endpoint calls the model that it should use."""
    remote_key: SecretStr = SecretStr("")
    """The endpoint's API key; empty: none is sent."""
    remote_timeout_s: float = Field(default=30.0, gt=0.0)
    """Seconds after which an answer of the endpoint is no longer waited for."""
    remote_at_once: int = Field(default=4, ge=1, le=64)
    """Most requests that this worker has under way at the endpoint."""
