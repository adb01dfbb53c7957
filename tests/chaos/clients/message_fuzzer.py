"""Random messages, audio and bytes for hostile clients, made from the protocol's schema and real audio."""

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
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked

# Values that are invalid for most fields.
NUMBERS = (-1, 0, 2**31, 2**63, 2**64, 10**30, 10**400, 1.5, 1e308, float("nan"))
TEXTS = ("", "\0", "x" * 20_000, "٣", "{0}", "../..", "en")
INVALID: tuple[Any, ...] = (None, True, *NUMBERS, *TEXTS, [], [[]], ["es"] * 9, ["xx"], {}, {"type": "start"})
# Values that get a client further than random ones. A cursor ahead of the log is accepted, but the client then gets no
# results and finally the error `overdue`.
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
# Bytes per sample of each encoding; 1 for containers.
SAMPLE_BYTES = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1, "webm": 1, "ogg": 1}

Frame = str | bytes


def encodings(speech: NDArray[np.int16]) -> dict[str, bytes]:
    """The same speech ([n] int16, 16 kHz mono) in every encoding that a client may send."""
    waveform = speech.astype(np.float32) / 32_768
    with tempfile.TemporaryDirectory(prefix="nova-") as directory:
        contained = {kind: encode(Path(directory) / f"a.{kind}", speech).read_bytes() for kind in ("webm", "ogg")}
    coded = ((speech.astype(np.int32) >> 8) & 0xFF).astype(np.uint8).tobytes()
    linear = {"pcm_s16le": speech.tobytes(), "pcm_f32le": waveform.astype("<f4").tobytes()}
    return {**linear, "mulaw": coded, "alaw": coded, **contained}


class MessageFuzzer:
    """Random input of one hostile client. The same random source gives the same input."""

    def __init__(self, rng: random.Random, recordings: Mapping[str, bytes]) -> None:
        self._rng, self._recordings = rng, recordings
        self._types: Mapping[str, Any] = protocol_schema()["$defs"]

    # --- text

    def start(self, encoding: str) -> str:
        """A valid `start` message."""
        languages = self._rng.choice(["en", "auto"])
        audio = {"encoding": encoding, "sample_rate": self._rng.choice([8_000, 16_000, 44_100])}
        return json.dumps({"type": "start", "language": languages, "audio": audio, "endpoint_ms": 200})

    def message(self, name: str, **more: Any) -> str:
        """A message of this class, for example "Start", with some of its fields and random values."""
        return json.dumps({**self._object(self._types[name], 0.5), **more})

    def any_message(self) -> str:
        """A message of a random type, of an unknown type, or no valid message."""
        if self._rng.random() < 0.1:
            broken = ["", "null", "[]", "{", "[" * 9_999, '"\\ud800"']
            return self._rng.choice([*broken, '{"type":1}', '{"type":"unknown"}', json.dumps(INVALID)])
        names = ["Start", "Resume", "Configure", "Configure", "Finalize", "Finalize", "Keepalive", "Keepalive", "Stop"]
        return self.message(self._rng.choice([*names, "Final", "Ready"]))

    def _object(self, schema: Mapping[str, Any], share: float) -> dict[str, Any]:
        required = schema.get("required", ())
        fields = schema.get("properties", {}).items()
        return {name: self._value(name, s) for name, s in fields if name in required or self._rng.random() < share}

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        rng = self._rng
        if "const" in schema:
            return schema["const"]
        if rng.random() < 0.04:
            return rng.choice(INVALID)
        if name in LIKELY:
            return rng.choice(LIKELY[name])
        if "$ref" in schema:
            return self._object(self._types[schema["$ref"].rpartition("/")[2]], 0.7)
        if "anyOf" in schema:
            return self._value(name, rng.choice(schema["anyOf"]))
        if "enum" in schema:
            return rng.choice(schema["enum"])
        return self._plain(schema)

    def _plain(self, schema: Mapping[str, Any]) -> Any:
        rng = self._rng
        match schema["type"]:
            case "integer":
                least, most = schema.get("minimum", -5), schema.get("maximum", 2**40)
                outside = [least - 1, most + 1] * (rng.random() < 0.1)
                return rng.choice([least, most, rng.randint(least, most), *outside])
            case "string":
                return "".join(rng.choices('aé\0 字🎈"\\', k=rng.choice([0, 3, schema.get("maxLength", 50)])))
            case "boolean":
                return rng.random() < 0.5
            case "array":
                return [self._value("", schema["items"]) for _ in range(rng.randint(0, 3))]
            case _:
                return None

    # --- audio

    def audio(self, encoding: str) -> Iterator[bytes]:
        """A recording, complete, damaged or replaced by noise, in frames of random size."""
        rng, width = self._rng, SAMPLE_BYTES[encoding]
        sound = bytearray(self._recordings[encoding])
        match rng.choice(["whole", "broken", "cut", "noise", "repeated"]):
            case "broken":
                for _ in range(rng.randint(1, 60)):
                    sound[rng.randrange(len(sound) if rng.random() < 0.5 else 400)] = rng.randrange(256)
            case "cut":
                at = rng.randrange(len(sound))
                del sound[at : at + rng.randint(1, 4_000)]
            case "noise":
                sound = bytearray(rng.randbytes(rng.choice([1, 64, 5_000, 300_000])))
            case "repeated":
                sound = sound[: rng.randrange(len(sound))] + sound
        at = 0
        while at < len(sound):
            rare = [1, 0, 1_500_000] * (rng.random() < 0.05)
            size = rng.choice([width, 3_200, 3_200, 20_000, 200_000, 1 << 20, *rare])
            yield bytes(sound[at : at + size])
            at += size or 1

    # --- below the protocol

    def raw_bytes(self) -> bytes:
        """Noise, a partial handshake, other protocols, or a handshake followed by broken frames."""
        rng = self._rng
        hello = handshake(rng.randbytes(16))
        return rng.choice(
            [
                rng.randbytes(rng.randint(1, 5_000)),
                hello[: rng.randrange(len(hello))],
                hello.replace(b"13", b"99"),
                hello.replace(b"websocket", b"h2c"),
                hello.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n"),
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(500),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(60),
                b"POST /v1/stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + rng.randbytes(900),
                b"GET /%00%ff/../.. HTTP/1.1\r\nHost: \r\n\r\n" * rng.randint(1, 30),
                b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * rng.randint(1, 5),
                *(hello + b"".join(self._ws_frame() for _ in range(rng.randint(1, 6))) for _ in range(6)),
            ]
        )

    def _ws_frame(self) -> bytes:
        """A WebSocket frame (RFC 6455, section 5.2). Most of them are invalid."""
        rng = self._rng
        text = self.any_message().encode()[:60_000]
        good = masked(TEXT, text)
        return rng.choice(
            [
                good,
                masked(TEXT, self.start("pcm_s16le").encode()),
                masked(BINARY, rng.randbytes(640)),
                masked(0x01, text),
                masked(TEXT, b"\xff\xfe"),
                masked(0x80, b"continuation of nothing"),
                masked(0x89, rng.randbytes(125)),
                masked(0x88, rng.randbytes(rng.choice([0, 1, 2, 60]))),
                masked(rng.randrange(256), rng.randbytes(20)),
                b"\x81\x05hello",
                b"\x82\xff" + struct.pack(">Q", rng.choice([2**62, 2**63, 2**40, 1 << 26])) + rng.randbytes(30),
                good[: rng.randrange(len(good))],
                rng.randbytes(40),
            ]
        )
