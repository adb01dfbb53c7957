"""The translation worker's settings; the prefix is TRANSLATION_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from backend.service.settings import WorkerSettings


class TranslationSettings(WorkerSettings):
    """Read from the environment once, in main."""

    model_config = SettingsConfigDict(env_prefix="TRANSLATION_")

    models: str = "auto"
    """Catalogue names or directories, separated by commas, in order of preference; "auto": all installed models."""
    batch: int = Field(default=32, ge=1, le=256)
    """Maximum number of entries of one kind in a batch."""
    beam_size: int = Field(default=4, ge=1, le=20)
    """Beam size of final translations. Previews are translated greedily."""
