"""Measures an utterance as a sample of a voice that a session enrols. Pure, except for the model."""

import numpy as np
from numpy.typing import NDArray

from backend.audio.voice_vectors import encode_vector, unit_mean
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.voices.profiles import VoiceSample
from stt_worker.recognizers.recognizer import VoiceDescriber
from stt_worker.voices.division import describe_pieces
from stt_worker.voices.speech_level import measure_level, without_pauses

# Pieces of one second that show how much short speech of the voice differs.
MAX_SHORT = 8
# Windows of speech without pauses that show whether the voice changes: shorter than a piece, because a piece of 2.5 s
# has several short turns. Pauses describe no voice, and make the windows of one speaker differ.
WINDOW, WINDOW_STEP, MAX_WINDOWS = 3 * SAMPLE_RATE // 2, 3 * SAMPLE_RATE // 4, 24


def measure_sample(samples: NDArray[np.float32], model: VoiceDescriber) -> VoiceSample | None:
    """Describe the voice in an utterance [n], 16 kHz, and the quality of its audio. None: it is too short."""
    level = measure_level(samples)
    speech = samples[level.start : level.end] if level else samples
    described = describe_pieces(speech, model)
    if level is None or described is None:
        return None
    return VoiceSample(
        speech_s=round(level.speech_s, 2),
        level_db=round(level.level_db, 1),
        snr_db=round(level.snr_db, 1),
        clipped=round(level.clipped, 4),
        embedding=encode_vector(unit_mean(described.pieces)),
        pieces=tuple(map(encode_vector, described.pieces)),
        short=tuple(encode_vector(model.embedding(piece)) for piece in _seconds(speech)),
        windows=tuple(encode_vector(model.embedding(window)) for window in _windows(without_pauses(speech))),
    )


def _seconds(speech: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    count = len(speech) // SAMPLE_RATE
    return [speech[n * SAMPLE_RATE : (n + 1) * SAMPLE_RATE] for n in range(min(count, MAX_SHORT))]


def _windows(speech: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    starts = range(0, len(speech) - WINDOW + 1, WINDOW_STEP)
    return [speech[start : start + WINDOW] for start in starts[:MAX_WINDOWS]]
