"""When text that was decoded after the text before it must be decoded alone. Pure.

A context makes words likelier that continue it: usually those that were said, on noise those that could have been.
"""

from backend.messages.jobs import SAMPLE_RATE
from backend.text.normalize import letters
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.guards.repetitions import display_width
from stt_worker.recognizers.recognizer import Hypothesis, Speech

# Text of a lower mean log probability per token is not believed to be what the context continues with.
MIN_LOGPROB = -0.7
# Nor is text that begins with this much of the context, in letters. Wide characters count twice.
REPEATED_WIDTH = 16
# Nor is text of audio that is this likely no speech.
MAX_NO_SPEECH = 0.3


def is_misled(speech: Speech, hypothesis: Hypothesis, objection: str) -> bool:
    """Whether the context may have decided the text, rather than the audio."""
    if not speech.context:
        return False
    spoken, seconds = letters(hypothesis.text), len(speech.samples) / SAMPLE_RATE
    doubtful = hypothesis.avg_logprob < MIN_LOGPROB or hypothesis.no_speech_probability > MAX_NO_SPEECH
    foreign = hypothesis.text_language != speech.context_language
    withheld = bool(objection or withhold_reason(hypothesis, seconds))
    return withheld or doubtful or foreign or _beginning(spoken) in letters(speech.context)


def _beginning(text: str) -> str:
    """The first letters of a text, up to REPEATED_WIDTH."""
    return next((text[:i] for i in range(len(text)) if display_width(text[:i]) >= REPEATED_WIDTH), text)
