"""The messages of moshi-server's `/api/asr-streaming`. Pure.

Names and types are those of `InMsg` and `OutMsg` in rust/moshi-server/src/asr.rs of kyutai-labs/moshi.
"""

import json
from typing import Any, NoReturn

import msgpack
import numpy as np

from backend.errors import ProtocolError

# Hz, and samples of a step. A second has 12.5 steps.
SAMPLE_RATE, STEP_SAMPLES = 24_000, 1_920
# Bytes of a message. The clients send 80 ms to 1 s, which have up to 216,000 bytes.
MAX_MESSAGE_BYTES = 256 * 1024

Reply = dict[str, Any]


def pack(reply: Reply) -> bytes:
    """A message as MessagePack."""
    packed: bytes = msgpack.packb(reply)
    return packed


def to_text(reply: Reply) -> str:
    """A message as JSON, for clients that send raw audio."""
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))


def parse_message(frame: bytes) -> dict[str, Any]:
    """Parse a binary frame. Raises ProtocolError."""
    if len(frame) > MAX_MESSAGE_BYTES:
        message = f"a message may have at most {MAX_MESSAGE_BYTES} bytes"
        raise ProtocolError(message, code="frame_too_large", close_code=1009)
    try:
        message = _unpack(frame)
    except ValueError:
        raise invalid("a binary frame must be one message as MessagePack") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise invalid('a message must be a map with a string "type"')
    return message


def samples_of(message: dict[str, Any]) -> bytes:
    """The samples of `Audio`, as 32-bit floats. Raises ProtocolError."""
    pcm = message.get("pcm")
    if not isinstance(pcm, list):
        raise invalid("pcm must be a list of samples")
    # Checked before numpy sees them: an array of strings would reserve the length of the longest one for each. Encoders
    # write whole numbers, such as 0.0, as integers.
    if not {float, int}.issuperset(map(type, pcm)):
        raise invalid("pcm must be a list of numbers")
    return np.array(pcm, "<f8").astype("<f4").tobytes()


def container_of(message: dict[str, Any]) -> bytes:
    """The bytes of `OggOpus`, which Rust writes as a list. Raises ProtocolError."""
    data = message.get("data")
    if not isinstance(data, bytes | list):
        raise invalid("data must be bytes")
    try:
        return bytes(data)
    except (TypeError, ValueError):
        raise invalid("data must be a list of bytes") from None


def marker_of(message: dict[str, Any]) -> int:
    """The id of a `Marker`. Raises ProtocolError."""
    marker = message.get("id")
    if isinstance(marker, bool) or not isinstance(marker, int):
        raise invalid("id must be an integer")
    return marker


def invalid(message: str) -> ProtocolError:
    """The error of a message that the protocol does not allow."""
    return ProtocolError(message, code="invalid_message", close_code=1007)


class _Shape:
    """Limits a message to one map and one list.

    A list of 250,000 empty lists would stop the event loop for a tenth of a second.
    """

    def __init__(self) -> None:
        self._lists = self._maps = 0

    def count_list(self, found: list[Any]) -> list[Any]:
        self._lists += 1
        return found if self._lists == 1 else _refuse()

    def count_map(self, found: dict[str, Any]) -> dict[str, Any]:
        self._maps += 1
        return found if self._maps == 1 else _refuse()


def _refuse(*_: object) -> NoReturn:
    raise ValueError("not the shape of a message")


def _unpack(frame: bytes) -> Any:
    shape = _Shape()
    return msgpack.unpackb(frame, list_hook=shape.count_list, object_hook=shape.count_map, ext_hook=_refuse)
