"""Recognizes speech that a first decode left out: cuts the audio at a pause, and recognizes both parts."""

import re
from collections.abc import Sequence
from dataclasses import replace

from backend.messages.jobs import SAMPLE_RATE
from backend.text.writing_systems import UNSPACED_CHARACTER
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.guards.repetitions import display_width
from stt_worker.recognizers.recognizer import Hypothesis, OmittedSpeech, Recognizer, Speech

# How often a part is cut again. Three cuts in a row separate at most eight sentences.
MAX_CUTS = 3
_ENDS_UNSPACED = re.compile(f"{UNSPACED_CHARACTER}\\W*$")
_STARTS_UNSPACED = re.compile(UNSPACED_CHARACTER)


def recognize_all_speech(recognizer: Recognizer, batch: Sequence[Speech], cuts: int = MAX_CUTS) -> list[Hypothesis]:
    """Recognize a batch, and cut finals that omit speech until they do not, at most `cuts` times.

    A final that still omits speech keeps its `omitted`.
    """
    hypotheses = recognizer.recognize(batch)
    places = [i for i, speech in enumerate(batch) if cuts and _is_repairable(speech, hypotheses[i])]
    parts = [part for i in places for part in _cut(batch[i], hypotheses[i])]
    if parts:
        recognized = recognize_all_speech(recognizer, parts, cuts - 1)
        for i, left, right in zip(places, recognized[::2], recognized[1::2], strict=True):
            hypotheses[i] = _longer(hypotheses[i], _join(batch[i], hypotheses[i], left, right))
    return hypotheses


def _is_repairable(speech: Speech, hypothesis: Hypothesis) -> bool:
    omitted = hypothesis.omitted
    return bool(speech.final and omitted and omitted.cut and not withhold_reason(hypothesis, _seconds(speech)))


def _cut(speech: Speech, hypothesis: Hypothesis) -> tuple[Speech, Speech]:
    """The two parts. Each may be in another language, if the session has not fixed one."""
    at = _cut_sample(hypothesis)
    return (
        replace(speech, samples=speech.samples[:at], last_language=None, language_odds={}),
        replace(speech, samples=speech.samples[at:], last_language=None, language_odds={}, prefix=""),
    )


def _join(speech: Speech, whole: Hypothesis, left: Hypothesis, right: Hypothesis) -> Hypothesis:
    """The text of both parts, without a part that is not believable as speech."""
    at = _cut_sample(whole)
    spoken = [left] if speech.prefix or _is_believable(left, at) else []
    if _is_believable(right, len(speech.samples) - at):
        spoken.append(_later(right, at / SAMPLE_RATE, separator(left.text, right.text) if spoken else ""))
    if not spoken:
        return whole
    longest = max(spoken, key=lambda part: display_width(part.text))
    widths = [display_width(part.text) + 1 for part in spoken]
    logprob = sum(part.avg_logprob * width for part, width in zip(spoken, widths, strict=True)) / sum(widths)
    omitted = [part.omitted for part in spoken if part.omitted]
    if len(spoken) == 1 and whole.omitted:
        omitted.append(replace(whole.omitted, cut=None))
    return replace(
        next((part for part in spoken if part.language == whole.language), longest),
        text="".join(part.text for part in spoken),
        avg_logprob=logprob,
        no_speech_probability=min(part.no_speech_probability for part in spoken),
        words=tuple(word for part in spoken for word in part.words),
        retried="omission",
        # What both parts contain, the audio contains twice.
        repetition_spoken=len(spoken) > 1 or spoken[0].repetition_spoken,
        logprob_without_prompt=None,  # each part was judged alone
        omitted=max(omitted, key=lambda one: one.seconds, default=None),
    )


def _is_believable(part: Hypothesis, samples: int) -> bool:
    return bool(part.text) and not withhold_reason(replace(part, retried="omission"), samples / SAMPLE_RATE)


def _later(part: Hypothesis, seconds: float, separator: str) -> Hypothesis:
    """The part as it continues a text, with times from the start of the whole audio."""
    omitted = part.omitted
    words = [replace(word, start=word.start + seconds, end=word.end + seconds) for word in part.words]
    if words:
        words[0] = replace(words[0], text=separator + words[0].text.lstrip())
    return replace(part, text=separator + part.text, words=tuple(words), omitted=omitted and _shifted(omitted, seconds))


def _shifted(omitted: OmittedSpeech, seconds: float) -> OmittedSpeech:
    return replace(omitted, start=omitted.start + seconds, end=omitted.end + seconds, cut=None)


def separator(left: str, right: str) -> str:
    """Return what separates two texts: a space, except between two characters of scripts without spaces."""
    return "" if _ENDS_UNSPACED.search(left) and _STARTS_UNSPACED.match(right) else " "


def is_word_boundary(left: str, right: str) -> bool:
    """Whether a text can be divided here. The decoder's words may be parts of a word: " well", "-known"."""
    return right.startswith(" ") or not separator(left, right)


def _longer(whole: Hypothesis, joined: Hypothesis) -> Hypothesis:
    return joined if display_width(joined.text) > display_width(whole.text) else whole


def _cut_sample(hypothesis: Hypothesis) -> int:
    return round(SAMPLE_RATE * (hypothesis.omitted.cut or 0.0)) if hypothesis.omitted else 0


def _seconds(speech: Speech) -> float:
    return len(speech.samples) / SAMPLE_RATE
