"""What Redis knows of a session: the fields of its hash that a gateway writes, and reads when it takes one over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from backend.errors import NovaError
from backend.messages.protocol import Start

_targets: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


class DamagedRecordError(NovaError):
    """What Redis knows of a session cannot be read."""

    code = "session_damaged"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as of now."""

    start: Start
    """The options in force, and the audio format."""
    correlation_id: str
    epoch: int = 0
    """How often it has been resumed."""
    next: int = 1
    """The utterance whose result comes next."""
    count: int = 0
    """The last utterance that was closed."""
    audio_ms: int = 0
    """Up to where audio is safe."""
    open: str = ""
    """The early attempt whose endpoint is not decided: "utterance:attempt"."""
    closed: frozenset[int] = frozenset()
    """Utterances that are closed and whose result has not been released."""
    translating: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The languages in which translations of an utterance are still to come."""
    translated: frozenset[int] = frozenset()
    """Of the last utterances, those whose translations have come."""

    def fields(self) -> dict[str, str]:
        """What a gateway writes of it; the rest is the scripts' own."""
        return {
            "start": self.start.model_dump_json(exclude_defaults=True),
            "correlation": self.correlation_id,
            "count": str(self.count),
            "audio": str(self.audio_ms),
        }

    @staticmethod
    def read(pairs: Sequence[bytes]) -> SessionRecord:
        """From the hash as Redis lists it: name, value, name, value. Raises DamagedRecordError."""
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
