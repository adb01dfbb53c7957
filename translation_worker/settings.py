"""The translation worker's settings; the prefix is TRANSLATION_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class TranslationSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="TRANSLATION_")

    models: str = "auto"
    """Names from the catalogue, or directories, separated by commas, the preferred one first; "auto": all installed."""
    batch: int = Field(default=32, ge=1, le=256)
    """Most entries of a kind that are taken at once; in batches four times as many sentences go through."""
    beam_size: int = Field(default=4, ge=1, le=20)
    """Beam of final translations. Previews are translated greedily."""
