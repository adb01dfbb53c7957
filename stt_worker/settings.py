"""The STT worker's settings; the prefix is STT_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class SttSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="STT_")

    model: str = "auto"
    """A name from the catalogue, or a directory; "auto": large-v3-turbo on a GPU, base on a CPU."""
    beam_size: int = Field(default=5, ge=1, le=20)
    """Beam of finals. Previews are decoded greedily."""
