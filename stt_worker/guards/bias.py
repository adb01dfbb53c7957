"""Finds text that comes from the client's prompt and hotwords instead of the audio. Pure.

On a hum, Whisper writes the hotwords. The prompt makes them probable, so they are judged by their probability without
it.
"""

from collections.abc import Sequence

import numpy as np

from backend.text.normalize import letters
from stt_worker.recognizers.recognizer import RecognizedWord

# Share of the letters of a text that are in words of the prompt. Texts with less are not judged.
MIN_SHARE = 0.6


def is_prompted(words: Sequence[str], prompt: str) -> bool:
    """Whether the text consists mostly of words of the prompt, or of parts of them."""
    known = letters(prompt)
    spelled = [letters(word) for word in words]
    repeated = sum(len(word) for word in spelled if word in known)
    return bool(known) and repeated > 0 and repeated >= MIN_SHARE * sum(map(len, spelled))


def logprob_without_prompt(words: Sequence[RecognizedWord]) -> float | None:
    """Mean log probability of the words; None if there are none.

    Repetition is easy to predict, so each word counts once.
    """
    first: dict[str, float] = {}
    for word in words:
        if spelled := letters(word.text):
            first.setdefault(spelled, word.logprob)
    return float(np.mean(list(first.values()))) if first else None
