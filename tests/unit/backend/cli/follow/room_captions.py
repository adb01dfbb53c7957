"""Captions of a room for tests."""

from backend.messages.rooms.captions import Caption


def line(number: int, text: str | None = None, session: str = "a", start_ms: int = 0, end_ms: int = 1_000) -> Caption:
    shown = f"Line {number}." if text is None else text
    return Caption(
        line=f"{session}-{number}", text=shown, language="es", is_final=True, start_ms=start_ms, end_ms=end_ms
    )


def texts(captions: list[Caption]) -> list[str]:
    return [caption.text for caption in captions]
