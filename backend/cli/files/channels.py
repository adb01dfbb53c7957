"""The transcripts of a recording's channels, and one transcript of all of them. Pure."""

from collections.abc import Sequence

from backend.cli.files.transcript import FileTranscript, voice_name
from backend.messages.protocol import Notice, ServerMessage


class ChannelTranscripts:
    """One transcript for each channel of a session."""

    def __init__(self, count: int) -> None:
        self.parts = [FileTranscript() for _ in range(count)]

    @property
    def position_ms(self) -> int:
        """The end of the last utterance of any channel."""
        return max(part.position_ms for part in self.parts)

    def apply_event(self, event: ServerMessage) -> None:
        """Add an event to its channel. Events of the whole session belong to the first one."""
        self.parts[getattr(event, "channel", None) or 0].apply_event(event)


def merge_channels(parts: Sequence[FileTranscript]) -> FileTranscript:
    """One transcript, by the start of each utterance, with new numbers."""
    merged = FileTranscript()
    spoken = [(final.start_ms, channel, final) for channel, part in enumerate(parts) for final in part.finals]
    for number, (_, channel, final) in enumerate(sorted(spoken, key=lambda one: one[:2]), 1):
        merged.finals.append(final.model_copy(update={"utterance": number}))
        for (utterance, target), text in parts[channel].translations.items():
            if utterance == final.utterance:
                merged.translations[number, target] = text
    merged.problems = [problem for part in parts for problem in part.problems]
    merged.notices = [_named(notice) for part in parts for notice in part.notices]
    return merged


def _named(notice: Notice) -> Notice:
    if notice.channel is None:
        return notice
    return notice.model_copy(update={"message": f"{voice_name(notice.channel, None)}: {notice.message}"})
