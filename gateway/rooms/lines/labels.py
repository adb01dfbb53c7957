"""The labels of speakers in a room, which change when two speakers turn out to be one. Pure.

Lines refer to a shared object for each label, so a merge takes the same time after a thousand lines as after one.
"""

from collections.abc import Mapping
from weakref import WeakValueDictionary

from backend.messages.rooms.captions import Caption


class SpeakerLabel:
    """A label of a session, and the one that has replaced it."""

    __slots__ = ("__weakref__", "_replaced_by", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._replaced_by: SpeakerLabel | None = None

    @property
    def current(self) -> str:
        """The label that stays."""
        return self._last()._text

    def replace_by(self, other: "SpeakerLabel") -> None:
        """Use another label from now on."""
        self._last()._replaced_by = other

    def _last(self) -> "SpeakerLabel":
        last = self
        while last._replaced_by:
            last = last._replaced_by
        # The next search is short, also from the labels in between.
        label = self
        while (after := label._replaced_by) and after is not last:
            label._replaced_by, label = last, after
        return last


class RoomLabels:
    """The labels of all sessions of a room. Those that no line refers to are forgotten."""

    def __init__(self) -> None:
        self._labels: WeakValueDictionary[tuple[str, str], SpeakerLabel] = WeakValueDictionary()

    def of(self, caption: Caption) -> SpeakerLabel | None:
        """The label of a caption, after the merges so far; None if it has none."""
        return None if caption.speaker is None else self._label(caption.session, caption.speaker)

    def merge(self, session: str, merged: Mapping[str, str]) -> None:
        """Replace labels of earlier lines, each by the one that stays. Later lines may use them again."""
        for gone, kept in merged.items():
            if gone != kept and (label := self._labels.pop((session, gone), None)):
                label.replace_by(self._label(session, kept))

    def _label(self, session: str, text: str) -> SpeakerLabel:
        return self._labels.setdefault((session, text), SpeakerLabel(text))


def relabelled(caption: Caption, label: SpeakerLabel | None) -> Caption:
    """The caption with the label that stays."""
    if label is None or label.current == caption.speaker:
        return caption
    return caption.model_copy(update={"speaker": label.current})
