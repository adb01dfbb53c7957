"""The language of a session with automatic detection, from the detections in its finals. Pure."""

from collections.abc import Collection, Mapping

from backend.text.language_odds import likeliest, update_odds

# Utterances whose detections are kept. More do not change the result, because a newer one outweighs them.
MAX_UTTERANCES = 64
# The language is known when it is this probable, or when this much speech has been examined without a result.
SURE_PROBABILITY, EXAMINED_S = 0.9, 30.0


class LanguageEvidence:
    """Detections by utterance. The order in which they are added does not matter."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        """`allowed`: the languages that the session may have; empty: all."""
        self._allowed = allowed
        self._detections: dict[int, tuple[Mapping[str, float], float]] = {}

    def add(self, utterance: int, detected: Mapping[str, float], seconds: float) -> None:
        """Add the detector's probabilities for an utterance of this length."""
        if detected:
            self._detections[utterance] = (detected, seconds)
        while len(self._detections) > MAX_UTTERANCES:
            del self._detections[min(self._detections)]

    def odds(self) -> dict[str, float]:
        """The probability of each language for the next utterance; empty without evidence."""
        odds: dict[str, float] = {}
        for utterance in sorted(self._detections):
            odds = update_odds(odds, *self._detections[utterance], self._allowed)
        return odds

    @property
    def is_settled(self) -> bool:
        """Whether more evidence is unlikely to change the language."""
        odds, seconds = self.odds(), sum(seconds for _, seconds in self._detections.values())
        return bool(odds) and (odds[likeliest(odds)] >= SURE_PROBABILITY or seconds >= EXAMINED_S)
