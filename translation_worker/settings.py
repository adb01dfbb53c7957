"""The translation worker's settings; the prefix is TRANSLATION_."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class TranslationSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="TRANSLATION_")

    models: str = "auto"
    """Names from the catalogue, or directories, separated by commas, the preferred one first; "auto": all installed."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; "auto" takes a GPU when there is one."""
    device_index: int = Field(default=0, ge=0)
    """Which CUDA device this process is pinned to."""
    compute_type: str = "auto"
    """CTranslate2's name for the arithmetic; "auto": int8 on a CPU, float16 on a GPU."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the model; 0: as many as there are cores, at most 8."""
    beam_size: int = Field(default=4, ge=1, le=20)
    """Beam of final translations. Previews are translated greedily."""
