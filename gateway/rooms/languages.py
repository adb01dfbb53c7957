"""The languages into which a published session is translated. Pure."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from backend.errors import ProtocolError
from backend.messages.languages import flores_code

# Asks for the text as it was spoken.
SPOKEN = ""


@lru_cache(maxsize=1_000)
def written_language(code: str) -> str:
    """The FLORES-200 code of a language, by which codes are compared; the code itself if it is unknown."""
    try:
        return flores_code(code)
    except ProtocolError:
        return code


def contains_language(codes: Iterable[str], code: str) -> bool:
    """Whether a language is among others, possibly by another code."""
    return any(written_language(other) == written_language(code) for other in codes)


def with_read_languages(own: Sequence[str], read: Collection[str], limit: int) -> tuple[str, ...]:
    """The languages of the speaker, and those that are read, each once. Those of the speaker come first."""
    merged = list(own)
    for code in sorted(read):
        if len(merged) < limit and not contains_language(merged, code):
            merged.append(code)
    return tuple(merged)
