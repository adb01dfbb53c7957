"""Finds speech that a text leaves out: voiced audio to which the alignment assigns no words, or too few.

Whisper writes one language and may stop at a pause. The text of the rest is then missing, although what there is looks
probable, so no guard on the text can notice it. Pure.
"""

from collections.abc import Sequence

import numpy as np

from backend.text.normalize import letters
from stt_worker.guards.repetitions import display_width
from stt_worker.guards.voice import FRAME_S, Voice
from stt_worker.recognizers.recognizer import OmittedSpeech, RecognizedWord

# Letters per second of voiced audio. Texts with more are not aligned: three in four utterances have at least 12.7.
DENSE_LETTERS_PER_S = 12.0
# The time that a word takes, in seconds of voiced audio for each letter, is generous.
S_PER_LETTER = 0.09
# Shorter voiced audio without words is not an omission, but breath, echo, or inexact times of words.
MIN_OMITTED_S = 0.7
# Both parts of an utterance that is cut must have this much voiced audio.
MIN_PART_S = 0.3
# Words are rarely left out of speech without a pause of this length.
MIN_PAUSE_S = 0.1
# The cut is made where this much audio is quiet, preferably near the ends of the omitted speech.
PAUSE_S, DB_PER_S = 0.2, 6.0


def may_omit(text: str, voice: Voice) -> bool:
    """Whether the text is short for its speech, and the speech has a pause: then its words are worth aligning."""
    return display_width(text) < DENSE_LETTERS_PER_S * voice.seconds() and _has_pause(voice)


def find_omission(words: Sequence[RecognizedWord], voice: Voice, prefix: str = "") -> OmittedSpeech | None:
    """Find the longest speech without words, or None. `prefix` is text that must stay at the beginning.

    The aligner assigns all audio: what was left out lengthens the word before or after it, or follows the last one.
    """
    end_s = len(voice.levels) * FRAME_S
    spans = [(word.start, word.end, S_PER_LETTER * display_width(word.text)) for word in words]
    spans.append((words[-1].end if words else 0.0, end_s, 0.0))
    omitted = [(voice.seconds(start, end) - spoken, start, end) for start, end, spoken in spans]
    seconds, start, end = max(omitted)
    if seconds < MIN_OMITTED_S:
        return None
    return OmittedSpeech(start, end, seconds, _cut(voice, start, end, _prefix_end(words, prefix)))


def _cut(voice: Voice, start: float, end: float, after: float) -> float | None:
    """The quietest moment near the ends of a span, with speech before and after it; None if there is none."""
    times = np.arange(len(voice.levels)) * FRAME_S
    spoken = np.cumsum(voice.voiced) * FRAME_S
    allowed = (times >= max(start - 0.3, after)) & (times <= end + 0.1)
    allowed &= (spoken >= MIN_PART_S) & (spoken[-1] - spoken >= MIN_PART_S)
    if not allowed.any():
        return None
    width = round(PAUSE_S / FRAME_S)
    loudness = np.convolve(np.clip(voice.levels, -10, 20), np.ones(width) / width, "same")
    distance = np.minimum(np.abs(times - start), np.abs(times - end))
    return float(times[np.argmin(np.where(allowed, loudness + DB_PER_S * distance, np.inf))])


def _prefix_end(words: Sequence[RecognizedWord], prefix: str) -> float:
    """Where the words of the prefix end, in seconds."""
    left = len(letters(prefix))
    end = 0.0
    for word in words:
        if left <= 0:
            break
        left -= len(letters(word.text))
        end = word.end
    return end


def _has_pause(voice: Voice) -> bool:
    """Whether there is a gap of at least 0.1 s between two voiced frames."""
    return bool(np.any(np.diff(np.flatnonzero(voice.voiced)) * FRAME_S > MIN_PAUSE_S))
