"""Corrections of captions that readers have. Pure."""

from collections.abc import Sequence

from backend.messages.rooms.captions import Caption
from gateway.rooms.languages import written_language
from gateway.rooms.lines.labels import RoomLabels, relabelled

# A caption of a log, and its cursor.
LoggedCaption = tuple[str, Caption]


def is_corrected_by(caption: Caption, correction: Caption) -> bool:
    """Whether a correction replaces the text of a caption."""
    if caption.line != correction.line:
        return False
    return not correction.language or _is_in(caption, correction.language)


def with_correction(caption: Caption, correction: Caption) -> Caption:
    """The caption with the text of a correction, if it is one of this caption."""
    if caption.is_missing or not is_corrected_by(caption, correction):
        return caption
    return caption.model_copy(update={"text": correction.text, "corrected": True})


def corrected_captions(
    log: Sequence[LoggedCaption], line: str, text: str, language: str
) -> tuple[Caption, dict[str, Caption | None]] | None:
    """The correction of a line, and the captions of the log that it changes, by cursor. None if there is no such line.

    Earlier corrections of the same text are replaced by None: they would fill the log.

    `language`: "" stands for the language in which the line was spoken. Without text, it is removed in all languages.
    """
    finals = [(cursor, one) for cursor, one in _relabelled(log) if one.line == line and not one.is_missing]
    spoken = next((one for _, one in finals if not one.is_translation and not one.is_correction), None)
    if spoken is None:
        return None
    wanted = language or spoken.language if text else ""
    shown = next((one for _, one in finals if not wanted or _is_in(one, wanted)), None)
    if shown is None:
        return None
    changes = {"text": text, "language": shown.language if text else "", "is_translation": shown.is_translation}
    correction = spoken.model_copy(
        update={**changes, "translate_to": (), "merged_speakers": None, "corrected": True, "is_correction": True}
    )
    changed = [(cursor, one) for cursor, one in finals if is_corrected_by(one, correction)]
    return correction, {
        cursor: None if one.is_correction else with_correction(one, correction) for cursor, one in changed
    }


def _relabelled(log: Sequence[LoggedCaption]) -> list[LoggedCaption]:
    """The log with the labels of speakers that stay."""
    labels, found = RoomLabels(), []
    for cursor, caption in log:
        if caption.merged_speakers:
            labels.merge(caption.session, caption.merged_speakers)
        found.append((cursor, caption, labels.of(caption)))
    return [(cursor, relabelled(caption, label)) for cursor, caption, label in found]


def _is_in(caption: Caption, language: str) -> bool:
    return written_language(caption.language) == written_language(language)
