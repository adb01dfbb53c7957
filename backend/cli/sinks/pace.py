"""For how long a caption stays before the next one replaces it. Pure."""

from backend.cli.sinks.captions import LiveCaption

# Characters per second, as in subtitles.
READING_SPEED = 20
MIN_SHOWN_S, MAX_SHOWN_S = 1.0, 4.0


def shown_s(caption: LiveCaption, waiting: int) -> float:
    """Seconds until the next caption is sent. The more captions wait, the less, so that the sink catches up."""
    needed = sum(map(len, caption.lines)) / READING_SPEED
    return max(min(needed, MAX_SHOWN_S) / max(waiting, 1), MIN_SHOWN_S)
