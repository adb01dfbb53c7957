"""Messages of Asterisk's External Application Protocol: requests and responses with an id, as JSON. Pure.

https://docs.asterisk.org/Configuration/Interfaces/Asterisk-External-Application-Protocol-AEAP
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import ProtocolError
from backend.messages.validation import describe_first_problem
from gateway.apis.json_frames import parse_object

Identifier = Annotated[str, Field(max_length=256)]


class AeapCodec(BaseModel):
    """An audio format, by its name without a rate."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Identifier


class AeapMessage(BaseModel):
    """A request or a response. `params` are values to set, or names of values to get."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    request: Identifier = ""
    response: Identifier = ""
    id: Identifier = ""
    version: Identifier = ""
    codecs: tuple[AeapCodec, ...] = Field(default=(), max_length=32)
    params: dict[str, str] | tuple[str, ...] | None = None

    @classmethod
    def parse(cls, frame: str) -> "AeapMessage":
        """Parse a text frame. Raises ProtocolError."""
        raw = parse_object(frame)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise ProtocolError(describe_first_problem(error), code="invalid_message") from None

    @property
    def values(self) -> Mapping[str, str]:
        """The values to set."""
        return self.params if isinstance(self.params, dict) else {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values to get."""
        return self.params if isinstance(self.params, tuple) else ()


def response_frame(to: AeapMessage, **parts: Any) -> str:
    """A response that succeeds."""
    return _to_json({"response": to.request, "id": to.id, **parts})


def error_response(to: AeapMessage, code: str, message: str) -> str:
    """A response that fails. Asterisk logs the text."""
    return _to_json({"response": to.request, "id": to.id, "error_msg": f"{code}: {message}"})


def results_frame(number: int, text: str, confidence: float) -> str:
    """A request with the only result of an utterance. Asterisk then ends its wait for speech."""
    return _to_json({"request": "set", "id": f"nova-{number}", "params": {"results": [result(text, confidence)]}})


def result(text: str, confidence: float) -> dict[str, Any]:
    """A result. The score is a percentage, as in Asterisk's own server. There are no grammars."""
    return {"text": text, "score": round(100 * confidence), "grammar": "", "best": 0}


def _to_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
