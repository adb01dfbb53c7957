"""The Python client of Nova Voice: real-time speech-to-text and translation.

`Client` is for asyncio, `SyncClient` is its blocking counterpart. Both open a session with `connect`, send audio with
`send`, and yield the server's events when iterated over. Lost connections are replaced without losing or repeating
text.

    import nova_voice

    with nova_voice.SyncClient.connect("ws://127.0.0.1:8080/v1/stream", nova_voice.Start(language="en")) as client:
        client.send(pcm)  # bytes: 16-bit little-endian PCM, 16 kHz, mono
        client.stop()
        for event in client:
            if isinstance(event, nova_voice.Final):
                print(event.text)

All times are milliseconds from the first sample of the session's audio. The messages are those of the WebSocket
protocol (docs/reference/protocol.md): frozen pydantic models with a `type`.

Errors: `ServerError` when the server refuses or ends the session, `DisconnectedError` when the connection is lost
permanently (both are `NovaError`), and OSError or websockets.exceptions.InvalidHandshake when no server can be reached.
"""

from importlib.metadata import version as _version

from backend.client.client import RECONNECT_TIMEOUT_S, Client
from backend.client.connection import DisconnectedError, ServerError
from backend.client.sync_client import SyncClient
from backend.errors import NovaError
from backend.messages.protocol import (
    AudioFormat,
    ClientMessage,
    Configure,
    Done,
    Draining,
    EarlyFinal,
    EarlyFinalWithdrawn,
    Enrolment,
    EnrolmentSample,
    Error,
    Final,
    Finalize,
    Interrupt,
    Keepalive,
    Notice,
    Partial,
    Ready,
    ServerMessage,
    SpeakerEnrolled,
    SpeakerSegment,
    SpeakersMerged,
    SpeechEnded,
    SpeechIgnored,
    SpeechStarted,
    Start,
    Stop,
    Translation,
    TurnEnd,
    Word,
)

__version__ = _version("nova-voice")

__all__ = [
    "RECONNECT_TIMEOUT_S",
    "AudioFormat",
    "Client",
    "ClientMessage",
    "Configure",
    "DisconnectedError",
    "Done",
    "Draining",
    "EarlyFinal",
    "EarlyFinalWithdrawn",
    "Enrolment",
    "EnrolmentSample",
    "Error",
    "Final",
    "Finalize",
    "Interrupt",
    "Keepalive",
    "Notice",
    "NovaError",
    "Partial",
    "Ready",
    "ServerError",
    "ServerMessage",
    "SpeakerEnrolled",
    "SpeakerSegment",
    "SpeakersMerged",
    "SpeechEnded",
    "SpeechIgnored",
    "SpeechStarted",
    "Start",
    "Stop",
    "SyncClient",
    "Translation",
    "TurnEnd",
    "Word",
]
