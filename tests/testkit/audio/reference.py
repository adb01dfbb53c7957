"""The utterances that the gateway's detector and segmenter find in audio when nothing disturbs the session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.messages.protocol import Start
from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import WINDOW, Rules, Segmenter, UtteranceEnded

DEFAULT_RULES = Rules(pause_ms=200)  # as a gateway with default settings


@dataclass(frozen=True, slots=True)
class Reference:
    """The undisturbed segmentation of a session's audio."""

    # First and end sample of each utterance.
    utterances: tuple[tuple[int, int], ...]
    # For each utterance, the first samples of its windows that are certainly speech.
    speech: tuple[NDArray[np.int64], ...]


def segment(pcm: NDArray[np.int16], rules: Rules = DEFAULT_RULES, endpoint_ms: int = Start().endpoint_ms) -> Reference:
    """Segment [n] int16 samples, 16 kHz mono."""
    detector, segmenter = SpeechDetector(Silero()), Segmenter(rules, endpoint_ms=endpoint_ms)
    segmenter.clause_ms = Start().clause_ms
    events, probabilities = [], []
    for windows, some, _ in (detector.detect_speech(pcm), detector.flush()):
        events += segmenter.process_windows(windows, some)
        probabilities.append(some)
    events += segmenter.end_utterance("stop")
    clips = [event.clip for event in events if isinstance(event, UtteranceEnded)]
    speech = np.flatnonzero(np.concatenate(probabilities) >= rules.start) * WINDOW
    return Reference(
        tuple((clip.start_sample, clip.end_sample) for clip in clips),
        tuple(speech[(speech >= clip.start_sample) & (speech < clip.end_sample)] for clip in clips),
    )
