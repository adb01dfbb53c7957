"""The names of models. Clients may use the name of a running model, or a name of OpenAI's. Pure."""

from collections.abc import Collection
from typing import Any

# Names of OpenAI's recognizers. All stand for the running model, so that clients with a fixed list work.
ALIASES = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
)
# The date of whisper-1 in OpenAI's list of models. Clients only sort by it.
CREATED = 1_677_532_384


def is_served(name: str, running: Collection[str]) -> bool:
    """Whether a client may ask for this model. Dated names of OpenAI, such as whisper-1-2023-02-27, count as well."""
    return name in running or any(name == alias or name.startswith(f"{alias}-2") for alias in ALIASES)


def model_object(name: str) -> dict[str, Any]:
    """A model as OpenAI describes it."""
    owner = "openai" if name in ALIASES else "nova-voice"
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}


def model_list(running: Collection[str]) -> dict[str, Any]:
    """The running models, and the names that stand for them."""
    return {"object": "list", "data": [model_object(name) for name in (*sorted(running), *ALIASES)]}
