"""Hotwords: names and terms that a session or an API key expects in speech. Pure."""

import re
from collections.abc import Iterable

_SEPARATOR = re.compile(r"[,;，、\n]")


def join_hotwords(texts: Iterable[str]) -> str:
    """One text with each word of these texts once, whatever its case, separated by commas."""
    found: dict[str, str] = {}
    for text in texts:
        for word in _SEPARATOR.split(text):
            found.setdefault(word.strip().casefold(), " ".join(word.split()))
    return ", ".join(filter(None, found.values()))


def divided_hotwords(text: str) -> list[str]:
    """The names and terms of a text: its phrases between commas, or its words if there is no comma."""
    parts = _SEPARATOR.split(text) if _SEPARATOR.search(text) else text.split()
    return list(filter(None, (" ".join(part.split()) for part in parts)))


def add_hotwords(own: str, stored: str) -> str:
    """The terms of a session, followed by those of its key that it does not have.

    `stored` is a result of `join_hotwords`. `divided_hotwords` finds the same terms in the text as in both before. The
    recognizer uses the first ones if there are too many.
    """
    terms = divided_hotwords(own)
    known = {term.casefold() for term in terms}
    further = [term for term in stored.split(", ") if term and term.casefold() not in known]
    if not further:
        return own
    text = ", ".join([*terms, *further])
    # Without a comma, one term of several words would be several terms.
    return f"{text}," if "," not in text and " " in text else text
