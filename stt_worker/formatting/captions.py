"""Formats what a session shows of an utterance, without a change of the committed words that the client has."""

from dataclasses import replace

from backend.messages.jobs import AudioJob
from stt_worker.formatting.formatter import Formatter, format_hypothesis
from stt_worker.recognizers.recognizer import Hypothesis
from stt_worker.stability import CaptionState


def formatted_caption(job: AudioJob, caption: CaptionState, language: str) -> CaptionState:
    """Return the caption as the client shows it: its committed text begins with the one before."""
    if not (job.formatting or job.written):
        return caption
    formatter = Formatter(job.formatting, language)
    committed = formatter.settled(caption.committed)
    whole = formatter.complete(caption.committed + caption.tentative)
    if not (committed.startswith(job.written) and whole.startswith(committed)):
        rest = formatter.continuation(job.committed, caption.committed + caption.tentative)
        return replace(caption, committed=job.written, tentative=rest, words=())
    words = tuple(word for word, _ in formatter.words(caption.words))
    return replace(caption, committed=committed, tentative=whole[len(committed) :], words=words)


def formatted_final(job: AudioJob, hypothesis: Hypothesis) -> Hypothesis:
    """Return the hypothesis as the final shows it. A stable final begins with the committed words of the client."""
    if not (job.formatting or job.written):
        return hypothesis
    formatted = format_hypothesis(hypothesis, job.formatting)
    if job.finals != "stable" or formatted.text.startswith(job.written):
        return formatted
    rest = Formatter(job.formatting, hypothesis.text_language).continuation(job.committed, hypothesis.text)
    # The words and the parts of several voices would not be those of this text.
    parts = formatted.parts if len(formatted.parts) == 1 else ()
    return replace(formatted, text=f"{job.written}{rest}", words=(), parts=parts)
