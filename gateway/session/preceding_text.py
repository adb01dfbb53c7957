"""The text before an utterance, which its recognition continues. Pure.

Whisper decodes a window better when it knows the words before it: names stay spelled as they were, and a sentence that
was cut continues in the middle. Text that may be wrong is worse than none, because errors would be continued as well.
"""

from backend.messages.jobs import FinalResult
from backend.messages.protocol import Final

# Characters of text that a job carries. The recognizer uses fewer, counted in its tokens.
MAX_CHARACTERS = 240
# After a longer silence the next utterance has another subject or another speaker.
MAX_GAP_MS = 3_000
# Text of a lower probability per token is not continued.
MIN_CONFIDENCE = 0.5


class PrecedingText:
    """The end of a session's latest finals, as far as they are certain and follow each other."""

    def __init__(self) -> None:
        self._text = ""
        self.language = ""
        self._utterance = 0
        self._end_ms = 0

    def add(self, final: Final | FinalResult) -> None:
        """Add the next final. Text is not joined across one without text, with doubtful text or in another language."""
        follows = final.utterance == self._utterance + 1 and final.start_ms - self._end_ms <= MAX_GAP_MS
        # The recognizer continues what it has recognized, not how that was formatted.
        text = (isinstance(final, FinalResult) and final.recognized) or final.text
        certain = text and final.confidence >= MIN_CONFIDENCE and not final.late
        before = self._text if follows and final.language == self.language else ""
        self._text = f"{before} {text}".strip()[-MAX_CHARACTERS:] if certain else ""
        self.language, self._utterance, self._end_ms = final.language, final.utterance, final.end_ms

    def before(self, utterance: int, start_ms: int) -> str:
        """The text that ends where this utterance begins, or "" if it has not arrived or is too long ago."""
        follows = utterance == self._utterance + 1 and start_ms - self._end_ms <= MAX_GAP_MS
        return self._text if follows else ""
