"""Pool the languages that a detector finds in several utterances of a speaker. Pure.

Detection of one short utterance is often wrong, but a conversation rarely changes its language. This is the forward
step of a hidden Markov model whose states are languages: evidence accumulates, and is bounded, so that one clear
sentence in another language outweighs any number of earlier ones.
"""

from collections.abc import Collection, Mapping

Odds = Mapping[str, float]

# Weight of a language without earlier evidence, compared with one that is certain. A change of language needs a
# detection that is 20 times as probable as that of the present language.
CHANGE = 0.05
# Detected probabilities below this are not measured reliably.
FLOOR = 0.005
# Shorter audio is weak evidence: its weight falls with the square of its length.
FULL_WEIGHT_S = 2.0


def update_odds(earlier: Odds, detected: Odds, seconds: float, allowed: Collection[str] = ()) -> dict[str, float]:
    """Return the probability of each language after one more utterance. Their sum is below 1.

    `earlier` is the result for the utterances before it, or empty. `detected` are the detector's probabilities in this
    utterance of `seconds`. With `allowed`, the other languages are excluded.
    """
    weight = min(1.0, seconds / FULL_WEIGHT_S) ** 2
    languages = set(allowed) or {*earlier, *detected}
    scores = {
        language: (earlier.get(language, 0.0) + CHANGE) * max(detected.get(language, 0.0), FLOOR) ** weight
        for language in languages
    }
    # A language that was never detected remains possible, so that a little speech in one language proves nothing.
    undetected = 0.0 if allowed else CHANGE * FLOOR**weight
    total = sum(scores.values()) + undetected
    return {language: score / total for language, score in scores.items()}


def likeliest(odds: Odds) -> str:
    """The most probable language; of equals, the first in the alphabet."""
    return max(sorted(odds), key=lambda language: odds[language])
