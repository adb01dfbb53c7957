"""Formats what a session shows of an utterance, without a change of the committed words that the client has.

The recognized committed words of a job are those that the written ones stand for. So a text continues with the words
after them, whatever formatting, language or worker wrote the beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from backend.messages.jobs import AudioJob
from backend.text.writing_systems import split_words
from stt_worker.formatting.formatter import Formatter, format_hypothesis
from stt_worker.formatting.pieces import MASK
from stt_worker.recognizers.recognizer import Hypothesis
from stt_worker.stability import CaptionState, words_after


@dataclass(frozen=True)
class Writing:
    """How the text of an utterance is written after the words that the client has."""

    job: AudioJob
    language: str

    def committed(self, recognized: str) -> str:
        """The committed words as they are written. `recognized` begins with those of the job."""
        if not recognized:
            return self.job.written
        if self._is_other:
            return self.job.written + self._formatter.settled_rest(self.job.committed, recognized)
        return self._formatter.settled(recognized)

    def whole(self, recognized: str) -> str:
        """The text as it is written. It begins with the words that the client has."""
        written, complete = self.job.written, self._formatter.complete(recognized)
        if not self._is_other and _begins_with(complete, written):
            return complete
        if self.job.committed and recognized.startswith(self.job.committed):
            return written + self._formatter.rest(self.job.committed, recognized)
        rest = words_after(written, complete)
        # The mask of a word is punctuation, which is split off from it.
        return written + (rest.lstrip(MASK) if written.endswith(MASK) else rest)

    def count(self, committed: str, words: Sequence[str]) -> int:
        """How many of the words after the committed text can be committed: those that are written now."""
        texts = [text.lstrip() for text in accumulate(words, initial=committed)]
        target = self.committed(texts[-1])
        if not _begins_with(target, self.job.written):
            return 0
        return next(i for i, text in enumerate(texts) if self.committed(text) == target)

    @property
    def _formatter(self) -> Formatter:
        return Formatter(self.job.formatting, self.language)

    @cached_property
    def _is_other(self) -> bool:
        """Whether the committed words were written in another way, as the options or the language have changed.

        A client that resumes a session knows only the written words. The recognized ones are found by agreement.
        """
        return bool(self.job.committed) and self._formatter.settled(self.job.committed) != self.job.written


def is_formatted(job: AudioJob) -> bool:
    """Whether the text of the job is or was formatted."""
    return bool(job.formatting or job.written)


def formatted_caption(job: AudioJob, caption: CaptionState, language: str) -> CaptionState:
    """Return the caption as the client shows it: its committed text begins with the one before."""
    if not is_formatted(job):
        return caption
    writing, text = Writing(job, language), caption.committed + caption.tentative
    committed, whole = writing.committed(caption.committed), writing.whole(text)
    words = tuple(word for word, _ in Formatter(job.formatting, language).words(caption.words))
    if "".join(word.text for word in words).strip() != whole:
        words = ()  # they would not be those of the text
    return replace(caption, committed=committed, tentative=whole[len(committed) :], words=words)


def formatted_final(job: AudioJob, hypothesis: Hypothesis) -> Hypothesis:
    """Return the hypothesis as the final shows it. A stable final begins with the committed words of the client."""
    if not is_formatted(job):
        return hypothesis
    formatted = format_hypothesis(hypothesis, job.formatting)
    # Committed words of another voice do not come back.
    if job.finals != "stable" or hypothesis.ignored:
        return formatted
    text = Writing(job, hypothesis.text_language).whole(hypothesis.text)
    if text == formatted.text:
        return formatted
    # The words and the parts of several voices would not be those of this text.
    parts = formatted.parts if len(formatted.parts) == 1 else ()
    return replace(formatted, text=text, words=(), parts=parts)


def _begins_with(text: str, written: str) -> bool:
    """Whether a text begins with these words."""
    words = split_words(written)
    return text.startswith(written) and split_words(text)[: len(words)] == words
