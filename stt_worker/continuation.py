"""Recognizes the end of an utterance whose beginning is known from the latest preview, its draft.

The decoder's time grows with the text, so the end of a long utterance is decoded alone, after the words before it. It
begins in a pause between two words of the draft. Finals use only a draft that is probable, and are decoded whole if the
result is doubtful. Measured on LibriSpeech utterances of 5 to 20 s (docs/explanation/decisions/0032).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.guards.omissions import find_omission, may_omit
from stt_worker.guards.voice import measure_voice
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Recognizer, Speech
from stt_worker.repair import is_word_boundary, recognize_all_speech, separator

# Shorter audio is decoded whole: that is fast enough, and more context makes the words better.
MIN_FINAL_S, MIN_PREVIEW_S = 5.0, 14.0
# Words that end this long before the end of the draft had enough audio after them to be right.
FINAL_EDGE_S, PREVIEW_EDGE_S = 1.0, 4.0
# The cut is made in the longest pause of this much audio before that. The words after the cut are given to the decoder.
FINAL_SEARCH_S, PREVIEW_SEARCH_S = 1.5, 4.0
# A draft of a final has at least this mean log probability of its words. With it, half to four fifths of the drafts are
# used, for 0.35 points of word error rate. Without a limit it is 1.3 to 2 points.
MIN_LOGPROB = -0.3


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a decode continues a draft: after the words `before`, at `start_s`, with `overlap` as its first words."""

    before: tuple[RecognizedWord, ...]
    overlap: tuple[RecognizedWord, ...]
    start_s: float

    def rest(self, speech: Speech) -> Speech:
        """The audio after the cut, with the words before it as context."""
        language = _language(speech)
        return replace(
            speech,
            samples=speech.samples[round(self.start_s * SAMPLE_RATE) :],
            language=language,
            context=_text(self.before),
            context_language=language,
            prefix=_text(self.overlap),
            words=True,
            draft=(),
        )

    def join(self, rest: Hypothesis, speech: Speech) -> Hypothesis:
        """The hypothesis of the whole audio, `speech`."""
        shifted = [replace(word, start=word.start + self.start_s, end=word.end + self.start_s) for word in rest.words]
        if shifted and not shifted[0].text.startswith(" "):
            # The decoder omits the space at the start of a text in some languages.
            shifted[0] = replace(shifted[0], text=separator(self.before[-1].text, shifted[0].text) + shifted[0].text)
        words = (*self.before, *shifted)
        logprobs = [word.logprob for word in self.before] + [rest.avg_logprob] * len(rest.words)
        detected = {} if speech.language else {speech.draft_language: speech.draft_language_probability}
        return replace(
            rest,
            language_probability=detected.get(rest.language, rest.language_probability),
            languages=detected,
            text=_text(words),
            words=words,
            avg_logprob=float(np.mean(logprobs)),
            no_speech_probability=0.0,  # words of the draft were believed
            continued=True,
        )


def recognize_with_drafts(recognizer: Recognizer, batch: Sequence[Speech]) -> list[Hypothesis]:
    """Recognize a batch. Audio whose words are known from a draft is not decoded again. Raises as `recognize` does."""
    joints = [find_joint(speech) for speech in batch]
    pieces = [joint.rest(speech) if joint else speech for speech, joint in zip(batch, joints, strict=True)]
    results = recognize_all_speech(recognizer, pieces)
    for i, joint in enumerate(joints):
        if joint:
            results[i] = joint.join(results[i], batch[i])
    doubtful = [i for i, joint in enumerate(joints) if joint and batch[i].final and _is_doubtful(batch[i], results[i])]
    if doubtful:
        wholes = recognize_all_speech(recognizer, [batch[i] for i in doubtful])
        results = [wholes[doubtful.index(i)] if i in doubtful else result for i, result in enumerate(results)]
    return results


def find_joint(speech: Speech) -> Joint | None:
    """Where the decode of this audio can continue its draft, or None if all of it must be decoded.

    The language must be given, or known from the draft: in a part of the audio its detection is weaker. A translation
    is decoded as a whole: its words are in another order than those of the speech, so no cut separates them.
    """
    if speech.translate:
        return None
    final, seconds = speech.final, len(speech.samples) / SAMPLE_RATE
    # An utterance that was cut because of its length ends before its draft does.
    words = tuple(word for word in speech.draft if word.end <= seconds)
    if not words or not _language(speech) or speech.prefix or seconds < (MIN_FINAL_S if final else MIN_PREVIEW_S):
        return None
    if final and np.mean([word.logprob for word in words]) < MIN_LOGPROB:
        return None
    settled_s = words[-1].end - FINAL_EDGE_S if final else seconds - PREVIEW_EDGE_S
    settled = sum(1 for word in words if word.end <= settled_s)
    if not settled:
        return None
    search_s = FINAL_SEARCH_S if final else PREVIEW_SEARCH_S
    first_s = words[settled - 1].end - search_s
    places = [
        i
        for i in range(1, min(settled + 1, len(words)))
        if words[i].start >= first_s and is_word_boundary(words[i - 1].text, words[i].text)
    ]
    if not places:
        return None
    at = max(places, key=lambda i: (words[i].start - words[i - 1].end, -i if final else i))
    cut_s = (words[at - 1].end + words[at].start) / 2
    return Joint(words[:at], words[at:settled] if final else (), cut_s)


def _is_doubtful(speech: Speech, joined: Hypothesis) -> bool:
    """Whether a guard objects to a final that continues a draft."""
    if joined.retried or joined.omitted or withhold_reason(joined, len(speech.samples) / SAMPLE_RATE):
        return True
    voice = measure_voice(speech.samples)
    return may_omit(joined.text, voice) and find_omission(joined.words, voice) is not None


def _language(speech: Speech) -> str:
    return speech.language or speech.draft_language


def _text(words: Sequence[RecognizedWord]) -> str:
    return "".join(word.text for word in words).strip()
