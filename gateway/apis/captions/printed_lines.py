"""The lines that a reader of plain text has. Pure.

A reader of a room whose lines are held may receive a correction twice: at once, and at its place in the log. One who
arrives late receives the line with its new text, and then the correction.
"""

from collections import OrderedDict

from backend.messages.rooms.captions import Caption

# Lines whose text is remembered. Corrections of older ones may be printed again.
MAX_PRINTED = 1_000


class PrintedLines:
    """The last text of each line."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()

    def is_new(self, caption: Caption) -> bool:
        """Whether a final caption is to be printed."""
        is_repeated = caption.is_correction and self._texts.get(caption.line) == caption.text
        self._texts[caption.line] = caption.text
        if len(self._texts) > MAX_PRINTED:
            self._texts.popitem(last=False)
        return bool(caption.text) and not is_repeated
