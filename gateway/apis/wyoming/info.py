"""The services that `info` describes. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from backend.messages.languages import LANGUAGES
from gateway.apis.wyoming.events import to_frame

PROGRAM = "nova-voice"
# Every key that a client of release 1.10 reads. There is only speech recognition.
OTHER_SERVICES = ("tts", "handle", "intent", "wake", "mic", "snd")


@dataclass(frozen=True, slots=True)
class RunningSpeech:
    """The running speech models. `languages`: those that every worker recognizes; None: unknown, so all."""

    models: Collection[str]
    languages: Collection[str] | None
    version: str

    def info(self) -> str:
        """The event `info`."""
        # A client decides when a command ends, and the workers need no processed audio.
        abilities = {
            "supports_transcript_streaming": True,
            "requires_external_vad": True,
            "prefers_auto_gain_enabled": False,
            "prefers_noise_reduction_enabled": False,
        }
        models = [{**_artifact(name), "languages": self._codes()} for name in sorted(self.models)]
        described = {"description": "Nova Voice", "version": self.version}
        program = {**_artifact(PROGRAM), **described, "models": models, **abilities}
        return to_frame("info", asr=[program], **{kind: [] for kind in OTHER_SERVICES})

    def _codes(self) -> list[str]:
        if self.languages is None:
            return sorted({language.whisper for language in LANGUAGES if language.whisper})
        return sorted(self.languages)


def _artifact(name: str) -> dict[str, Any]:
    attribution = {"name": "Nova Voice", "url": ""}
    return {"name": name, "attribution": attribution, "installed": True, "description": name, "version": None}
