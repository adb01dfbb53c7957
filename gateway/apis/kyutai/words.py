"""The words of an utterance, each sent once and never taken back. Pure."""

from collections.abc import Sequence

from backend.messages.protocol import Final, Partial, Word
from backend.text.writing_systems import split_words


class CommittedWords:
    """The words of one utterance.

    Partials and the final may divide punctuation differently, so places in the text count letters and no spaces.
    """

    def __init__(self) -> None:
        # The text of the words that have been sent, without spaces, and the end of the last one.
        self._sent, self._end_ms = "", 0

    def commit(self, partial: Partial) -> list[Word]:
        """The words that a partial adds. Without times, they wait for the final."""
        text = _letters(partial.committed)
        return self._extend(partial.words or (), text) if text.startswith(self._sent) else []

    def finish(self, final: Final) -> list[Word]:
        """The rest of the utterance. If the final contradicts words that were sent, what follows them in time."""
        text, words = _letters(final.text), final.words or _estimated(final)
        if text.startswith(self._sent):
            return self._extend(words, text)
        return [word for word in words if word.start_ms >= self._end_ms]

    def _extend(self, words: Sequence[Word], text: str) -> list[Word]:
        added, end = [], 0
        for word in words:
            begin, end = end, end + len(_letters(word.word))
            if end > len(text):
                break
            if begin >= len(self._sent) and end > begin:
                added.append(word)
                self._sent, self._end_ms = text[:end], word.end_ms
        return added


def _letters(text: str) -> str:
    return "".join(text.split())


def _estimated(final: Final) -> tuple[Word, ...]:
    """Words of a recognizer without times: as long as their text, relative to that of the utterance."""
    pieces = split_words(final.text)
    if rest := final.text.removeprefix("".join(pieces)):
        pieces = [*pieces[:-1], pieces[-1] + rest] if pieces else [rest]
    per_character = (final.end_ms - final.start_ms) / max(1, len(final.text))
    words, end = [], 0
    for piece in pieces:
        begin, end = end, end + len(piece)
        start_ms, end_ms = (final.start_ms + round(place * per_character) for place in (begin, end))
        words.append(Word(word=piece, start_ms=start_ms, end_ms=end_ms, confidence=final.confidence))
    return tuple(words)
