"""Turn hypotheses into the events and entries that the worker commits."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from backend.audio.voice_vectors import encode_vector
from backend.messages.jobs import AudioJob, DescribedVoice, DraftWord, FinalResult, PartialResult, Transcript
from backend.messages.protocol import DecodedToken, Decoding, Final, SpeechIgnored, Word
from backend.streams.job_streams import Outcome
from backend.text.edits import contradicted
from backend.text.normalize import normalized_words
from stt_worker import metrics
from stt_worker.formatting.captions import Writing, formatted_caption, formatted_final, is_formatted
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.recognizers.recognizer import Hypothesis, IgnoredPart, RecognizedWord
from stt_worker.stability import CaptionState, update_caption

T = TypeVar("T")

log = structlog.get_logger()

# While a language is being detected, previews with a less probable one are not shown: in too little audio to know the
# language, the words would be nonsense.
MIN_LANGUAGE_PROBABILITY = 0.5
# A final whose text has a lower mean log probability is not shown before its endpoint is certain: speech often
# continues, and a later decode replaces such a text (docs/explanation/partial-stability.md).
MIN_EARLY_LOGPROB = -0.3


def final_outcome(job: AudioJob, hypothesis: Hypothesis) -> Outcome:
    """Return the final of an utterance, and its text as a partial, which is shown until the endpoint is certain."""
    recognized = text = "" if _withhold(job, hypothesis) else hypothesis.text
    if job.finals == "stable":
        # The committed words of another voice must not come back.
        text = text if hypothesis.ignored else text or job.committed
    elif job.committed:
        metrics.COMMITTED.inc(len(normalized_words(job.committed, hypothesis.text_language)))
        metrics.CONTRADICTED.inc(contradicted(job.committed, text, hypothesis.text_language))
    # Without a recognized text, the words are not those of the text.
    said = hypothesis if recognized else replace(hypothesis, text=text, words=(), parts=())
    shown = _formatted(lambda job: formatted_final(job, said), job)
    has_words = bool(recognized and shown.text)
    final = Final(
        utterance=job.utterance,
        text=shown.text,
        language=hypothesis.text_language,
        language_probability=hypothesis.language_probability if text and not job.language else None,
        confidence=_confidence(hypothesis),
        start_ms=job.start_ms,
        end_ms=job.end_ms,
        # Committed words that replace a withheld text were decoded before, with other times and tokens.
        words=_words(job, shown.words) if job.words and has_words else None,
        decoding=_decoding(hypothesis) if job.decoding and has_words else None,
        translate_to=job.translate_to if shown.text else (),
        late=job.replayed,
    )
    detected = (hypothesis.languages or {hypothesis.language: 1.0}) if text and not job.language else {}
    voices = _voices(job, shown) if has_words else ()
    before = text if text != shown.text else ""
    if detected or before or voices or hypothesis.sample or hypothesis.target_checked:
        final = FinalResult(
            **dict(final),
            languages=detected,
            recognized=before,
            voices=voices,
            sample=hypothesis.sample,
            target_checked=hypothesis.target_checked,
            ignored=_ignored(job, hypothesis),
        )
    partials = _early_partials(job, said, final)
    return Outcome(durable=(final,), live=partials, transcript=_transcript(job, shown.text_language, shown.text))


def _early_partials(job: AudioJob, hypothesis: Hypothesis, final: Final) -> tuple[PartialResult, ...]:
    """The text as a partial, if it is probable and keeps committed words, and the final if the session wants it."""
    text, caption = hypothesis.text, CaptionState(job.committed, job.tentative, job.hypothesis)
    if text.startswith(job.committed) and hypothesis.avg_logprob >= MIN_EARLY_LOGPROB:
        caption = CaptionState(job.committed, text[len(job.committed) :], job.hypothesis, words=hypothesis.words)
    elif not (job.early_final or job.judge_turn):
        return ()
    partial = _partial(job, hypothesis, caption)
    if job.early_final:
        partial = partial.model_copy(update={"early_final": final})
    if job.target:
        partial = partial.model_copy(update={"voice": _voice_of_final(hypothesis, final)})
    if job.judge_turn and final.text:
        partial = partial.model_copy(update={"turn_probability": hypothesis.turn_probability})
    return (partial,)


def _voice_of_final(hypothesis: Hypothesis, final: Final) -> str:
    if not hypothesis.target_checked:
        return "unknown"
    return "target" if final.text or not hypothesis.ignored else "other"


def _ignored(job: AudioJob, hypothesis: Hypothesis) -> tuple[SpeechIgnored, ...]:
    return tuple(_ignored_speech(job, part) for part in hypothesis.ignored)


def _ignored_speech(job: AudioJob, part: IgnoredPart) -> SpeechIgnored:
    start_ms = min(job.end_ms, job.start_ms + round(1000 * part.start))
    end_ms = job.end_ms if part.end is None else min(job.end_ms, job.start_ms + round(1000 * part.end))
    return SpeechIgnored(
        utterance=job.utterance,
        start_ms=start_ms,
        end_ms=end_ms,
        duration_ms=end_ms - start_ms,
        reason=part.reason,
        similarity=None if part.similarity is None else round(part.similarity, 3),
        by_majority=part.by_majority,
    )


def preview_outcome(job: AudioJob, hypothesis: Hypothesis, draft: Sequence[RecognizedWord] = ()) -> Outcome:
    """Return the partial of an utterance that is still spoken, and a transcript if more words were committed.

    `draft`: the words as they were decoded, for the next decode, or none.
    """
    seconds = (job.end_ms - job.start_ms) / 1000
    is_detected = not (job.language or job.heard)
    is_unknown = is_detected and hypothesis.language_probability < MIN_LANGUAGE_PROBABILITY
    if _withhold(job, hypothesis) or is_unknown:
        caption = CaptionState(job.committed, job.tentative, (), seconds if job.committed else 0.0)
        draft = ()
    else:
        caption = _formatted(lambda job: _caption(job, hypothesis, seconds), job)
    partial = _partial(job, hypothesis, caption).model_copy(
        update={
            "committed_end_ms": job.start_ms + round(1000 * caption.committed_seconds),
            "language_probability": hypothesis.language_probability,
            "draft": tuple(map(_draft_word, draft)),
            "voice": hypothesis.voice or ("unknown" if job.target else ""),
        }
    )
    has_grown = partial.committed != (job.written if is_formatted(job) else job.committed)
    if not has_grown or (job.target and hypothesis.voice != "target"):
        return Outcome(live=(partial,))
    return Outcome(live=(partial,), transcript=_transcript(job, hypothesis.text_language, partial.committed))


def _caption(job: AudioJob, hypothesis: Hypothesis, seconds: float) -> CaptionState:
    state = (job.committed, job.tentative, job.hypothesis)
    if not is_formatted(job):
        return update_caption(*state, hypothesis, seconds)
    return update_caption(*state, hypothesis, seconds, limit=Writing(job, hypothesis.text_language).count)


def _formatted(formatted: Callable[[AudioJob], T], job: AudioJob) -> T:
    """Format, or leave the text as it is: no error in the rules of a language may cost a result."""
    try:
        return formatted(job)
    except Exception as error:
        if not job.formatting:
            raise
        log.exception("formatting_failed", error=repr(error), session=job.session, utterance=job.utterance)
        return formatted(job.model_copy(update={"formatting": ()}))


def _withhold(job: AudioJob, hypothesis: Hypothesis) -> bool:
    reason = withhold_reason(hypothesis, (job.end_ms - job.start_ms) / 1000)
    if reason:
        metrics.WITHHELD.labels(reason).inc()
        log.debug("text_withheld", reason=reason, text=hypothesis.text, session=job.session, utterance=job.utterance)
    return bool(reason)


def _partial(job: AudioJob, hypothesis: Hypothesis, caption: CaptionState) -> PartialResult:
    shown = _formatted(lambda job: formatted_caption(job, caption, hypothesis.text_language), job)
    before = (caption.committed, caption.tentative)
    return PartialResult(
        utterance=job.utterance,
        revision=job.revision,
        committed=shown.committed,
        tentative=shown.tentative,
        language=hypothesis.text_language,
        spoken_language=hypothesis.language if hypothesis.translated else "",
        start_ms=job.start_ms,
        end_ms=job.end_ms,
        words=_words(job, shown.words) if job.partial_words and shown.words else None,
        recognized=before if before != (shown.committed, shown.tentative) else None,
        hypothesis=caption.hypothesis,
    )


def _draft_word(word: RecognizedWord) -> DraftWord:
    return DraftWord(
        text=word.text, start=round(word.start, 2), end=round(word.end, 2), probability=round(word.probability, 4)
    )


def _transcript(job: AudioJob, language: str, text: str) -> Transcript | None:
    if not (text and job.translate_to):
        return None
    return Transcript(
        kind=job.kind,
        session=job.session,
        utterance=job.utterance,
        correlation_id=job.correlation_id,
        traceparent=job.traceparent,
        sent_at=job.sent_at,
        text=text,
        language=language,
        translate_to=job.translate_to,
        translated=job.translated,
        priority=job.priority,
    )


def _words(job: AudioJob, words: Sequence[RecognizedWord]) -> tuple[Word, ...]:
    def milliseconds(seconds: float) -> int:
        return min(job.end_ms, job.start_ms + round(1000 * seconds))

    return tuple(
        Word(
            word=word.text,
            start_ms=milliseconds(word.start),
            end_ms=milliseconds(word.end),
            confidence=word.probability,
        )
        for word in words
    )


def _voices(job: AudioJob, hypothesis: Hypothesis) -> tuple[DescribedVoice, ...]:
    """The voices. Several have their part of the text each."""
    words, several = hypothesis.words, len(hypothesis.parts) > 1
    return tuple(
        DescribedVoice(
            start_ms=min(job.end_ms, job.start_ms + round(1000 * part.start)),
            end_ms=min(job.end_ms, job.start_ms + round(1000 * part.end)),
            text="".join(words[n].text for n in part.words).strip() if several else hypothesis.text,
            embedding=encode_vector(part.voice),
        )
        for part in hypothesis.parts
    )


def _confidence(hypothesis: Hypothesis) -> float:
    if hypothesis.confidence is not None:
        return hypothesis.confidence
    return math.exp(min(0.0, hypothesis.avg_logprob))


def _decoding(hypothesis: Hypothesis) -> Decoding:
    return Decoding(
        temperature=hypothesis.temperature,
        no_speech_probability=round(hypothesis.no_speech_probability, 6),
        tokens=tuple(
            DecodedToken(id=token.id, bytes=tuple(token.spelling), logprob=round(token.logprob, 5))
            for word in hypothesis.words
            for token in word.tokens
        ),
    )
