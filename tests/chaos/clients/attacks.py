"""The attacks by name. Those on the native door are here."""

import os
from collections.abc import Mapping

from tests.chaos.clients.attack_shapes import (
    Attack,
    bursting,
    deaf,
    flooding,
    half_closed,
    holding,
    http_flood,
    repeating,
)
from tests.chaos.clients.audio_bombs import AUDIO_BOMBS
from tests.chaos.clients.foreign_attacks import FOREIGN_ATTACKS
from tests.testkit.raw_websocket import BINARY, TEXT, handshake, masked

CLOSE, PING = 0x88, 0x89
# First bytes of fragments that follow a first one.
CONTINUATION, LAST_CONTINUATION = 0x00, 0x80
START = masked(TEXT, b'{"type":"start"}')
QUIET_AUDIO = masked(BINARY, bytes(3_200))
LOUD_AUDIO = masked(BINARY, b"".join(bytes([at * 7 % 256, at * 31 % 128]) for at in range(1_600)))


def _frame_with_length(length: int) -> bytes:
    return b"\x82\xff" + length.to_bytes(8, "big") + bytes(4)


def _resume(number: int) -> bytes:
    message = f'{{"type":"resume","session":"{number:024x}","token":"wrong-{number}","last_event":0}}'
    return masked(TEXT, message.encode())


GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
COMPRESSED = bytes([0xC2]) + masked(BINARY, os.urandom(60))[1:]
OPEN_FRAGMENT = masked(0x01, b"x")

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(507)

NATIVE_ATTACKS: Mapping[str, Attack] = {
    "empty pings": flooding(START, repeated=masked(PING, b"")),
    "pings of 125 bytes": flooding(START, repeated=masked(PING, bytes(125)), at_once=4),
    "pings without reading": deaf(START, repeated=masked(PING, bytes(125)), at_once=10),
    "pongs": flooding(START, repeated=masked(0x8A, b"")),
    "empty binary frames": flooding(START, repeated=masked(BINARY, b"")),
    "two bytes of audio": flooding(START, repeated=masked(BINARY, b"\0\0")),
    "bursts of tiny audio frames": bursting(START + masked(BINARY, b"\0\0") * 990, at_once=10),
    "one-byte fragments": flooding(START, masked(0x02, b"x"), repeated=masked(CONTINUATION, b"x")),
    "empty fragments": flooding(START, OPEN_FRAGMENT, repeated=masked(CONTINUATION, b"")),
    "empty fragments before start": flooding(OPEN_FRAGMENT, repeated=masked(CONTINUATION, b"")),
    "pings between fragments": flooding(START, OPEN_FRAGMENT, repeated=masked(PING, b"") + masked(CONTINUATION, b"x")),
    "keepalives": flooding(START, repeated=masked(TEXT, b'{"type":"keepalive"}'), at_once=4),
    "unknown messages": flooding(START, repeated=masked(TEXT, b'{"type":"x"}'), at_once=4),
    "deep JSON": flooding(START, repeated=masked(TEXT, b"[" * 60_000), at_once=4),
    "largest frames": flooding(START, repeated=_frame_with_length(1 << 20) + bytes(1 << 20), at_once=2),
    "incomplete large frames": holding(handshake(), _frame_with_length(1 << 20) + bytes(1 << 19), connections=100),
    "compressed frames": repeating(START + COMPRESSED, at_once=20),
    "invalid frames": repeating(START + b"\x83\x80\0\0\0\0", at_once=20),
    "close frames with garbage": repeating(START + masked(CLOSE, b"\x00\x01\xff\xfe"), at_once=20),
    "resumes with wrong tokens": repeating(_resume(7), at_once=20),
    "sessions without audio": holding(handshake(), START, connections=200),
    "results that nothing reads": deaf(START, repeated=LOUD_AUDIO, at_once=5),
    "silent connections": holding(b"", connections=2_000),
    "slow handshakes": holding(handshake(), connections=200, every_s=1.0),
    "endless headers": http_flood(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"x" * 64),
    "many headers": http_flood(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
    "pipelined requests": http_flood(b"", GET_HEALTH),
    "tiny chunks of a body": http_flood(CHUNKED, b"1\r\na\r\n"),
    "endless body": http_flood(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", bytes(64)),
    "configurations": flooding(START, repeated=masked(TEXT, b'{"type":"configure","endpoint_ms":300}'), at_once=4),
    "ends of utterances": flooding(START, repeated=LOUD_AUDIO + masked(TEXT, b'{"type":"finalize"}'), at_once=4),
    "large JSON": flooding(START, repeated=masked(TEXT, b'{"type":"x","x":[' + b"[]," * 300_000 + b"[]]}"), at_once=4),
    "large numbers": flooding(START, repeated=masked(TEXT, b'{"type":"x","x":' + b"1" * 1_000_000 + b"}"), at_once=4),
    "half-closed sessions": half_closed(handshake() + START + LOUD_AUDIO, connections=100),
    "half-closed requests": half_closed(GET_HEALTH[:-2], connections=100),
    "TLS without TLS": holding(CLIENT_HELLO, connections=100),
    "requests before a handshake": holding(GET_HEALTH * 50 + handshake() + START, connections=20),
    "connections that end at once": half_closed(b"", connections=200),
}

ATTACKS: Mapping[str, Attack] = {**NATIVE_ATTACKS, **FOREIGN_ATTACKS, **AUDIO_BOMBS}
