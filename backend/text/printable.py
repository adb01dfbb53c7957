"""Text from elsewhere on a terminal. Pure."""


def printable(text: str) -> str:
    """Escape control characters, because text from clients must not control an operator's terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def printable_lines(text: str) -> str:
    """As `printable`, for text of several lines."""
    return "\n".join(map(printable, text.split("\n")))
