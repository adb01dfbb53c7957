"""Attacks on the doors of other vendors' clients, and on uploads."""

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any

from tests.chaos.clients.attack_shapes import (
    Attack,
    bursting,
    deaf,
    flooding,
    half_closed,
    holding,
    repeating,
    requests,
)
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked

LISTEN = "/v1/listen?encoding=linear16&sample_rate=16000"
LISTEN_TO_FILES = "/v1/listen"
REALTIME = "/v1/realtime?intent=transcription"
BOUNDARY = b"b"
FORM = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
END = b"\r\n--b--\r\n"


def _event(kind: str, **fields: Any) -> bytes:
    return masked(TEXT, json.dumps({"type": kind, **fields}).encode())


def _post(path: str, body: bytes, *, length: int | None = None, kind: str = "multipart/form-data; boundary=b") -> bytes:
    """A request that announces `length` bytes, by default as many as it has."""
    lines = f"Content-Type: {kind}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close"
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n\r\n".encode() + body


def _upload(body: bytes, *, length: int | None = None) -> bytes:
    return _post("/v1/audio/transcriptions", body, length=length)


LOUD = b"".join(bytes([at * 7 % 256, at * 31 % 128]) for at in range(2_400))
APPEND = _event("input_audio_buffer.append", audio=base64.b64encode(LOUD).decode())
EMPTY_APPEND = _event("input_audio_buffer.append", audio="")
COMMIT = _event("input_audio_buffer.commit")
PROMPTS = {"audio": {"input": {"transcription": {"prompt": "x" * 100_000}}}}
WAV_OF_TINY_CHUNKS = b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 7_000
SILENT_WAV = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
SILENT_WAV += b"data\xff\xff\xff\xff" + bytes(4 << 20)
SECRET = _post("/v1/realtime/client_secrets", b"{}", kind="application/json")

FOREIGN_ATTACKS: Mapping[str, Attack] = {
    "listen: empty pings": flooding(repeated=masked(0x89, b""), path=LISTEN),
    "listen: two bytes of audio": flooding(repeated=masked(BINARY, b"\0\0"), path=LISTEN),
    "listen: ends of utterances": flooding(repeated=_event("Finalize"), at_once=4, path=LISTEN),
    "listen: results that nothing reads": deaf(repeated=_event("Finalize"), at_once=10, path=LISTEN),
    "listen: headers in tiny pieces": bursting(
        masked(BINARY, WAV_OF_TINY_CHUNKS) + masked(BINARY, b"j") * 900, at_once=10, path=LISTEN_TO_FILES
    ),
    "listen: sessions that end at once": repeating(masked(0x88, b"\x03\xe8"), at_once=20, path=LISTEN),
    "realtime: empty appends": flooding(repeated=EMPTY_APPEND, at_once=4, path=REALTIME),
    "realtime: commits": flooding(APPEND, repeated=APPEND + COMMIT, at_once=4, path=REALTIME),
    "realtime: empty commits": flooding(APPEND, repeated=COMMIT, at_once=4, path=REALTIME),
    "realtime: long prompts": flooding(repeated=_event("session.update", session=PROMPTS), at_once=4, path=REALTIME),
    "realtime: prompts that nothing reads": deaf(
        repeated=_event("session.update", session=PROMPTS), at_once=10, path=REALTIME
    ),
    "realtime: large JSON": flooding(repeated=_event("x", x=[[]] * 200_000), at_once=4, path=REALTIME),
    "realtime: binary frames": flooding(repeated=masked(BINARY, bytes(100)), at_once=4, path=REALTIME),
    "realtime: sessions without audio": holding(handshake(path=REALTIME), connections=200),
    "slow uploads": holding(_upload(FORM + FILE + b"RIFF" * 99, length=1 << 20), connections=200, every_s=0.2),
    "unfinished uploads": holding(_upload(FORM + FILE + bytes(900_000), length=1 << 20), connections=100),
    "half-closed uploads": half_closed(_upload(FORM + FILE + bytes(900_000), length=1 << 20), connections=50),
    "uploads of garbage": requests(_upload(FORM + FILE + b"garbage " * 60_000 + END), at_once=20),
    "uploads like a boundary": requests(_upload(FORM + FILE + b"\r\n--" * 1_000_000 + END), at_once=4),
    "uploads of many fields": requests(_upload(FORM * 10_000 + FILE + END), at_once=10),
    "uploads of endless headers": requests(_upload(b"--b\r\n" + b"X-A: b\r\n" * 400_000), at_once=4),
    "uploads of silence": requests(_upload(FORM + FILE + SILENT_WAV + END), at_once=10),
    "client secrets": requests(SECRET, at_once=10),
}
