"""What a bad client sends, made at random of the protocol's own schema and of real audio. A seed repeats it."""

from __future__ import annotations

import base64
import json
import random
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.messages.schema import protocol_schema
from tests.testkit.audio.media_files import encode

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    2**64,
    10**30,
    10**400,
    1.5,
    1e308,
    float("nan"),
    "",
    "\0",
    "x" * 20_000,
    "٣",
    "{0}",
    "../..",
    "en",
    [],
    [[]],
    ["es"] * 9,
    ["xx"],
    {},
    {"type": "start"},
)
LIKELY: Mapping[str, tuple[Any, ...]] = {
    "language": ("en", "auto", "zh", "pt-BR", "klingon"),
    "translate_to": ([], ["en"], ["es", "de"], ["en"] * 8, ["tlh"]),
    "encoding": ("pcm_s16le", "pcm_f32le", "mulaw", "alaw", "webm", "ogg"),
    "sample_rate": (8_000, 11_025, 16_000, 44_100, 48_000, 7_999, 48_001),
    "channels": (1, 1, 2, 3),
    "audio_from_ms": (0, 0, 1_000, 10**12),
    "utterance": (0, 0, 3, 10**12),
    "cursor": ("0-0", "1-1"),
}
"""Beside what the schema says: values with which one gets further. (Who claims to have read further than the log goes
gets nothing of what follows, and is told so in the end by `overdue`.)"""
FORMATS = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1, "webm": 1, "ogg": 1}
"""Encodings, and the bytes of a sample."""

Frame = str | bytes


def sounds(speech: NDArray[np.int16]) -> dict[str, bytes]:
    """The same speech (16 kHz mono) in every encoding that a client may send."""
    waveform = speech.astype(np.float32) / 32_768
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        contained = {kind: encode(Path(directory) / f"a.{kind}", speech).read_bytes() for kind in ("webm", "ogg")}
    coded = ((speech.astype(np.int32) >> 8) & 0xFF).astype(np.uint8).tobytes()
    return {
        "pcm_s16le": speech.tobytes(),
        "pcm_f32le": waveform.astype("<f4").tobytes(),
        "mulaw": coded,
        "alaw": coded,
        **contained,
    }


class Garbage:
    """One bad client's supply."""

    def __init__(self, dice: random.Random, recordings: Mapping[str, bytes]) -> None:
        self._dice, self._recordings = dice, recordings
        self._types: Mapping[str, Any] = protocol_schema()["$defs"]

    # --- text

    def start(self, encoding: str) -> str:
        """One that is accepted."""
        languages = self._dice.choice(["en", "auto"])
        audio = {"encoding": encoding, "sample_rate": self._dice.choice([8_000, 16_000, 44_100])}
        return json.dumps({"type": "start", "language": languages, "audio": audio, "endpoint_ms": 200})

    def message(self, name: str, **more: Any) -> str:
        """A message of this class ("Start"), with some of its fields and any values."""
        return json.dumps({**self._object(self._types[name], 0.5), **more})

    def any_message(self) -> str:
        """Of any type, of none, or no message at all."""
        if self._dice.random() < 0.1:
            return self._dice.choice(
                ["", "null", "[]", "{", '{"type":1}', '{"type":"sing"}', "[" * 9_999, '"\\ud800"', json.dumps(WRONG)]
            )
        names = ["Start", "Resume", "Configure", "Configure", "Finalize", "Finalize", "Keepalive", "Keepalive", "Stop"]
        return self.message(self._dice.choice([*names, "Final", "Ready"]))

    def _object(self, schema: Mapping[str, Any], share: float) -> dict[str, Any]:
        required = schema.get("required", ())
        fields = schema.get("properties", {}).items()
        return {name: self._value(name, s) for name, s in fields if name in required or self._dice.random() < share}

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        dice = self._dice
        if "const" in schema:
            return schema["const"]
        if dice.random() < 0.04:
            return dice.choice(WRONG)
        if name in LIKELY:
            return dice.choice(LIKELY[name])
        if "$ref" in schema:
            return self._object(self._types[schema["$ref"].rpartition("/")[2]], 0.7)
        if "anyOf" in schema:
            return self._value(name, dice.choice(schema["anyOf"]))
        if "enum" in schema:
            return dice.choice(schema["enum"])
        return self._plain(schema)

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        dice = self._dice
        match schema["type"]:
            case "integer":
                least, most = schema.get("minimum", -5), schema.get("maximum", 2**40)
                return dice.choice(
                    [least, most, dice.randint(least, most), *([least - 1, most + 1] * (dice.random() < 0.1))]
                )
            case "string":
                return "".join(dice.choices('aé\0 字🎈"\\', k=dice.choice([0, 3, schema.get("maxLength", 50)])))
            case "boolean":
                return dice.random() < 0.5
            case "array":
                return [self._value("", schema["items"]) for _ in range(dice.randint(0, 3))]
            case _:
                return None

    # --- audio

    def audio(self, encoding: str) -> Iterator[bytes]:
        """A recording, whole, broken or made up, in frames of any size."""
        dice, width = self._dice, FORMATS[encoding]
        sound = bytearray(self._recordings[encoding])
        match dice.choice(["whole", "broken", "cut", "noise", "repeated"]):
            case "broken":
                for _ in range(dice.randint(1, 60)):
                    sound[dice.randrange(len(sound) if dice.random() < 0.5 else 400)] = dice.randrange(256)
            case "cut":
                at = dice.randrange(len(sound))
                del sound[at : at + dice.randint(1, 4_000)]
            case "noise":
                sound = bytearray(dice.randbytes(dice.choice([1, 64, 5_000, 300_000])))
            case "repeated":
                sound = sound[: dice.randrange(len(sound))] + sound
        at = 0
        while at < len(sound):
            size = dice.choice(
                [width, 3_200, 3_200, 20_000, 200_000, 1 << 20, *([1, 0, 1_500_000] * (dice.random() < 0.05))]
            )
            yield bytes(sound[at : at + size])
            at += size or 1

    # --- below the protocol

    def handshake(self) -> bytes:
        """What opens a WebSocket."""
        key = base64.b64encode(self._dice.randbytes(16)).decode()
        return (
            "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def bytes_on_the_port(self) -> bytes:
        """Anything but a client: noise, half a handshake, a whole one with broken frames behind it."""
        dice, hello = self._dice, self.handshake()
        return dice.choice(
            [
                dice.randbytes(dice.randint(1, 5_000)),
                hello[: dice.randrange(len(hello))],
                hello.replace(b"13", b"99"),
                hello.replace(b"websocket", b"h2c"),
                hello.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n"),
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(500),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + dice.randbytes(60),
                b"POST /v1/stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + dice.randbytes(900),
                b"GET /%00%ff/../.. HTTP/1.1\r\nHost: \r\n\r\n" * dice.randint(1, 30),
                b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * dice.randint(1, 5),
                *(hello + b"".join(self._ws_frame() for _ in range(dice.randint(1, 6))) for _ in range(6)),
            ]
        )

    def _ws_frame(self) -> bytes:
        """A WebSocket frame (RFC 6455, section 5.2), most of them wrong."""
        dice = self._dice
        text = self.any_message().encode()[:60_000]
        good = _masked(0x81, text)
        return dice.choice(
            [
                good,
                _masked(0x81, self.start("pcm_s16le").encode()),
                _masked(0x82, dice.randbytes(640)),
                _masked(0x01, text),
                _masked(0x81, b"\xff\xfe"),
                _masked(0x80, b"of nothing"),
                _masked(0x89, dice.randbytes(125)),
                _masked(0x88, dice.randbytes(dice.choice([0, 1, 2, 60]))),
                _masked(dice.randrange(256), dice.randbytes(20)),
                b"\x81\x05hello",
                b"\x82\xff" + struct.pack(">Q", dice.choice([2**62, 2**63, 2**40, 1 << 26])) + dice.randbytes(30),
                good[: dice.randrange(len(good))],
                dice.randbytes(40),
            ]
        )


def _masked(first: int, payload: bytes) -> bytes:
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload
