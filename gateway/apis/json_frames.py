"""Text frames of clients that have JSON. Pure."""

import json
from typing import Any


def parse_json(frame: str) -> Any:
    """Parse a frame. Raises ValueError, also for a string that is not Unicode text, and RecursionError.

    JSON can escape one half of a surrogate pair ("\\ud800"). No such string can be encoded as UTF-8.
    """
    parsed = json.loads(frame)
    if "\\u" in frame:
        json.dumps(parsed, ensure_ascii=False).encode()  # raises UnicodeEncodeError, a ValueError
    return parsed
