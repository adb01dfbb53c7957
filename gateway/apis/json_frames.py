"""Text frames of clients that have JSON. Pure."""

import json
from typing import Any

from backend.errors import ProtocolError


def parse_json(frame: str) -> Any:
    """Parse a frame. Raises ValueError, also for a string that is not Unicode text, and RecursionError.

    JSON can escape one half of a surrogate pair ("\\ud800"). No such string can be encoded as UTF-8.
    """
    parsed = json.loads(frame)
    if "\\u" in frame:
        json.dumps(parsed, ensure_ascii=False).encode()  # raises UnicodeEncodeError, a ValueError
    return parsed


def parse_object(frame: str, name: str = "a message", *, fatal: bool = True) -> dict[str, Any]:
    """Parse a frame that must be a JSON object. Raises ProtocolError, whose text begins with `name`."""
    try:
        raw = parse_json(frame)
    except (ValueError, RecursionError):
        raise ProtocolError(f"{name} must be JSON", code="invalid_json", close_code=1007, fatal=fatal) from None
    if not isinstance(raw, dict):
        raise ProtocolError(f"{name} must be a JSON object", code="invalid_message", fatal=fatal)
    return raw
