"""The hash of a session in Redis. A gateway reads it when it resumes the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from backend.errors import NovaError
from backend.messages.protocol import Start

_targets: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


class DamagedRecordError(NovaError):
    """The hash of a session is invalid."""

    code = "session_damaged"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """State of a session that outlives its gateway."""

    start: Start
    """Current options, and the audio format."""
    correlation_id: str
    epoch: int = 0
    """Number of resumptions."""
    next: int = 1
    """Utterance whose result is released next."""
    count: int = 0
    """Last closed utterance."""
    audio_ms: int = 0
    """End of the audio that is stored in Redis or no longer needed."""
    open: str = ""
    """Early attempt that is neither closed nor withdrawn: "utterance:attempt"."""
    closed: frozenset[int] = frozenset()
    """Closed utterances whose result is not released yet."""
    translating: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Languages of the pending translations, by utterance."""
    translated: frozenset[int] = frozenset()
    """Recent utterances whose translations are complete."""

    def fields(self) -> dict[str, str]:
        """Return the fields that gateways write. The Lua scripts write the others."""
        return {
            "start": self.start.model_dump_json(exclude_defaults=True),
            "correlation": self.correlation_id,
            "count": str(self.count),
            "audio": str(self.audio_ms),
        }

    @staticmethod
    def read(pairs: Sequence[bytes]) -> SessionRecord:
        """Read the hash as Redis returns it: name, value, name, value. Raises DamagedRecordError."""
        try:
            return SessionRecord._read(pairs)
        except (ValueError, KeyError) as error:
            raise DamagedRecordError(f"{type(error).__name__}: {error}") from None

    @staticmethod
    def _read(pairs: Sequence[bytes]) -> SessionRecord:
        fields = {name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}

        def numbered(kind: str) -> dict[int, bytes]:
            names = (name.split(":") for name in fields if name.startswith(f"{kind}:"))
            return {int(parts[1]): fields[":".join(parts)] for parts in names}

        return SessionRecord(
            start=Start.model_validate_json(fields["start"]),
            correlation_id=fields["correlation"].decode(),
            epoch=int(fields["epoch"]),
            next=int(fields["next"]),
            count=int(fields["count"]),
            audio_ms=int(fields["audio"]),
            open=fields.get("open", b"").decode(),
            closed=frozenset(numbered("closed")),
            translated=frozenset(numbered("translated")),
            translating={number: _targets.validate_json(codes) for number, codes in numbered("translating").items()},
        )
