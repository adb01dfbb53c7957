"""Voiced audio without words is found, wherever it is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.guards.omissions import find_omission, may_omit
from stt_worker.guards.voice import measure_voice
from stt_worker.recognizers.recognizer import RecognizedWord

SENTENCE = "these are twenty letters"


def sound(*parts: tuple[bool, float], level: float = 0.1) -> NDArray[np.float32]:
    """Parts with or without a voice, each with its duration in seconds, in faint noise."""
    noise = np.random.default_rng(3)
    pieces = [
        noise.standard_normal(int(seconds * SAMPLE_RATE)) * (level if voiced else level / 300)
        for voiced, seconds in parts
    ]
    return np.concatenate(pieces).astype(np.float32)


def spoken(text: str, start: float, end: float) -> list[RecognizedWord]:
    """Words that divide the time equally."""
    words = text.split()
    step = (end - start) / len(words)
    return [RecognizedWord(f" {w}", start + n * step, start + (n + 1) * step, 0.9) for n, w in enumerate(words)]


TWO = ((False, 0.3), (True, 2.0), (False, 0.4), (True, 2.0), (False, 0.3))


@pytest.mark.parametrize("level", [0.3, 0.02])
def test_speech_after_the_last_word_is_found_and_can_be_cut_at_the_pause(level: float) -> None:
    voice = measure_voice(sound(*TWO, level=level))
    assert may_omit(SENTENCE, voice)
    omitted = find_omission(spoken(SENTENCE, 0.3, 2.3), voice)
    assert omitted is not None
    assert omitted.seconds == pytest.approx(2.0, abs=0.15)
    assert omitted.cut == pytest.approx(2.5, abs=0.25)


def test_speech_before_the_first_word_is_found_in_the_length_of_this_word() -> None:
    """The aligner assigns all audio, so what is left out lengthens a word."""
    voice = measure_voice(sound(*TWO))
    first = RecognizedWord(" these", 0.3, 3.0, 0.9)
    omitted = find_omission([first, *spoken("are twenty letters", 3.0, 4.7)], voice)
    assert omitted is not None
    assert omitted.cut == pytest.approx(2.5, abs=0.25)


def test_a_text_that_covers_its_speech_omits_nothing() -> None:
    voice = measure_voice(sound(*TWO))
    words = [*spoken(SENTENCE, 0.3, 2.3), *spoken(SENTENCE, 2.7, 4.7)]
    assert find_omission(words, voice) is None
    assert not may_omit(f"{SENTENCE} {SENTENCE} and more", voice)


def test_the_cut_is_never_before_the_end_of_the_prefix() -> None:
    voice = measure_voice(sound(*TWO, (True, 2.0), (False, 0.3)))
    words = [*spoken(SENTENCE, 0.3, 2.3), *spoken(SENTENCE, 2.7, 4.7)]
    omitted = find_omission(words, voice, prefix=f"{SENTENCE} {SENTENCE}")
    assert omitted is not None
    assert omitted.cut is not None
    assert omitted.cut >= 4.7


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(16_000, np.float32)])
def test_silence_omits_nothing(samples: NDArray[np.float32]) -> None:
    voice = measure_voice(samples)
    assert not may_omit("", voice)
    assert find_omission([], voice) is None
