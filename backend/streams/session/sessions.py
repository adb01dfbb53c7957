"""Sessions, and the lease under which one gateway writes to a session. `RedisSessions` implements the interface.

A gateway keeps no durable state. The lease is fenced by an epoch that every resume increments: a gateway with an older
epoch cannot change the session.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from backend.errors import ClientError, NovaError
from backend.messages.jobs import AudioJob, ChannelMessage, Transcript
from backend.messages.protocol import Resume
from backend.messages.session_record import SessionRecord


class UnknownSessionError(ClientError):
    """The session does not exist, or the token does not match."""

    code = "unknown_session"


class TakenOverError(ClientError):
    """Another connection has resumed the session."""

    code = "taken_over"

    def __init__(self) -> None:
        super().__init__("another connection has resumed this session", close_code=4001)


class SessionLostError(NovaError):
    """Redis has lost the session although this gateway holds the lease. Call `Lease.restore`."""

    code = "session_lost"


class Sessions(Protocol):
    """All sessions of a system."""

    async def open(self, session: str, token: str, record: SessionRecord, *, caller: str = "") -> "Lease":
        """Create a session of a caller ("": anonymous) and return its lease."""

    async def resume(self, message: Resume, *, caller: str = "") -> tuple["Lease", SessionRecord]:
        """Take over a session from the connection that holds it.

        Raises UnknownSessionError, also if the session belongs to another caller.
        """

    def read_log(self, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
        """Yield the durable events after `cursor` ("0-0": all), oldest first."""


class Lease(Protocol):
    """The right to write to a session.

    Every method raises TakenOverError once another connection has resumed the session, and SessionLostError when Redis
    has lost it.
    """

    @property
    def epoch(self) -> int: ...

    async def update(self, record: SessionRecord) -> None:
        """Store the record and extend the time to live of the session."""

    async def submit_audio(self, job: AudioJob, pcm: bytes, *, early: bool) -> str:
        """Add a final job and return the id of the entry. From then on its audio is safe.

        An early final is decoded at once, but its result is released only after `close_utterance`.
        """

    async def close_utterance(self, utterance: int, attempt: int, end_ms: int, entry_id: str) -> None:
        """Make an early attempt the final of its utterance: the endpoint is certain."""

    async def withdraw_early_final(self, utterance: int, attempt: int, entry_id: str) -> None:
        """Void an early attempt because more speech followed. A worker may have begun it already."""

    async def resubmit_transcript(self, transcript: Transcript) -> None:
        """Submit a transcript again that Redis lost before it was translated."""

    async def restore(self, record: SessionRecord) -> SessionRecord:
        """Write the session again after Redis may have lost writes; results before `record.next` were delivered.

        Returns what Redis knows afterwards. Utterances that are missing from its `closed` and `translating` are lost.
        """
