"""Leaves out speech in progress when a gateway is behind. Pure."""

from collections.abc import Sequence

from backend.messages.jobs import ChannelMessage
from backend.messages.rooms.captions import Caption


def without_superseded(messages: Sequence[ChannelMessage]) -> list[ChannelMessage]:
    """The messages without speech in progress that a later one replaces. Finals stay, and the order stays."""
    if len(messages) == 1:
        return list(messages)
    replaced: set[tuple[str, str]] = set()
    kept = []
    for message in reversed(messages):
        caption = message.event
        if not isinstance(caption, Caption):
            continue
        text = (caption.line, caption.language if caption.is_translation else "")
        if caption.is_final or text not in replaced:
            kept.append(message)
        replaced.add(text)
    return kept[::-1]
