"""The hash of a session in Redis. A gateway reads it when it resumes the session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import TypeAdapter

from backend.errors import NovaError
from backend.messages.protocol import Start
from backend.messages.rooms.sharing import Sharing

_targets: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


class DamagedRecordError(NovaError):
    """The hash of a session is invalid."""

    code = "session_damaged"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """State of a session that outlives its gateway."""

    # Current options, and the audio format.
    start: Start
    correlation_id: str
    # Number of resumptions.
    epoch: int = 0
    # Utterance whose result is released next.
    next: int = 1
    # Last closed utterance.
    count: int = 0
    # End of the audio that is stored in Redis or no longer needed.
    audio_ms: int = 0
    # Early attempt that is neither closed nor withdrawn: "utterance:attempt".
    open: str = ""
    # Closed utterances whose result is not released yet.
    closed: frozenset[int] = frozenset()
    # Languages of the pending translations, by utterance.
    translating: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    # Recent utterances whose translations are complete.
    translated: frozenset[int] = frozenset()
    # The speakers as the gateway stores them, or "" if the session does not label any.
    speakers: str = ""
    # Its room, and the languages of its client.
    sharing: Sharing = field(default_factory=Sharing)

    def fields(self) -> dict[str, str]:
        """Return the fields that gateways write. The Lua scripts write the others."""
        return {
            "start": self.start.model_dump_json(exclude_defaults=True),
            "correlation": self.correlation_id,
            "count": str(self.count),
            "audio": str(self.audio_ms),
            **({"speakers": self.speakers} if self.speakers else {}),
            **({"sharing": self.sharing.model_dump_json()} if self.sharing != Sharing() else {}),
        }

    @classmethod
    def read(cls, pairs: Sequence[bytes]) -> Self:
        """Read the hash as Redis returns it: name, value, name, value. Raises DamagedRecordError."""
        try:
            fields = {name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}

            def numbered(kind: str) -> dict[int, bytes]:
                names = (name.split(":") for name in fields if name.startswith(f"{kind}:"))
                return {int(parts[1]): fields[":".join(parts)] for parts in names}

            return cls(
                start=Start.model_validate_json(fields["start"]),
                correlation_id=fields["correlation"].decode(),
                epoch=int(fields["epoch"]),
                next=int(fields["next"]),
                count=int(fields["count"]),
                audio_ms=int(fields["audio"]),
                open=fields.get("open", b"").decode(),
                speakers=fields.get("speakers", b"").decode(),
                sharing=Sharing.model_validate_json(fields.get("sharing", b"{}")),
                closed=frozenset(numbered("closed")),
                translated=frozenset(numbered("translated")),
                translating={n: _targets.validate_json(codes) for n, codes in numbered("translating").items()},
            )
        except (ValueError, KeyError) as error:
            raise DamagedRecordError(f"{type(error).__name__}: {error}") from None
