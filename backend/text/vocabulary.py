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


def add_hotwords(own: str, stored: str) -> str:
    """The words of a session, followed by those of its key that it does not have.

    The recognizer uses the first ones if there are too many.
    """
    known = {word.strip().casefold() for word in _SEPARATOR.split(own)}
    further = [word for word in stored.split(", ") if word.casefold() not in known]
    return ", ".join(filter(None, [own, *further]))
