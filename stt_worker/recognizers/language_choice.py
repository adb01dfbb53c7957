"""Chooses the language to decode a piece of audio in, from the detector's probabilities and earlier speech. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.messages.jobs import SAMPLE_RATE
from backend.text.language_odds import likeliest, update_odds
from stt_worker.recognizers.recognizer import Speech
from stt_worker.stability import spoken_language

# Less probable languages are not reported.
MIN_DETECTED = 0.005
# A final whose language is less probable than this is examined again in the longest window.
MIN_CHOICE = 0.7


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """The chosen language, its probability in this audio, and what was detected; empty if the session fixed it."""

    code: str
    probability: float
    detected: Mapping[str, float] = field(default_factory=dict)


def among(allowed: Sequence[str], detected: Mapping[str, float]) -> dict[str, float]:
    """The probabilities of the allowed languages, given that one of them is spoken. Without any, all are allowed."""
    total = sum(detected.get(code, 0.0) for code in allowed)
    if not allowed:
        return {code: round(p, 4) for code, p in detected.items() if p >= MIN_DETECTED}
    return {code: round(detected.get(code, 0.0) / total if total else 1 / len(allowed), 4) for code in allowed}


def is_doubtful(speech: Speech, detected: Mapping[str, float]) -> bool:
    """Whether neither this audio nor earlier speech shows the language clearly."""
    odds = update_odds(speech.language_odds, detected, _seconds(speech))
    return not speech.language and odds[likeliest(odds)] < MIN_CHOICE


def spoken_in(speech: Speech, detected: Mapping[str, float]) -> SpokenLanguage:
    """Return the session's language, or the likeliest one by this audio and the earlier utterances."""
    if speech.language:
        return SpokenLanguage(speech.language, 1.0)
    if not speech.language_odds:
        return SpokenLanguage(*spoken_language(speech.last_language, detected, _seconds(speech)), detected)
    code = likeliest(update_odds(speech.language_odds, detected, _seconds(speech)))
    return SpokenLanguage(code, detected.get(code, 0.0), detected)


def _seconds(speech: Speech) -> float:
    return len(speech.samples) / SAMPLE_RATE
