"""With real weights: repetitions of a speaker are recognized, and loops of the decoder are cut."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.engines.loading import Hardware
from backend.text.normalize import normalized_words
from stt_worker.guards.hallucinations import withhold_reason
from stt_worker.guards.repetitions import is_repetitive
from stt_worker.recognizers.encoder_windows import EncoderWindows
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.whisper import FasterWhisper
from tests.testkit.audio.clips import RATE, Clip


@pytest.fixture(scope="module")
def whisper(whisper_base: Path) -> FasterWhisper:
    return FasterWhisper(whisper_base, model="base", hardware=Hardware("cpu", threads=2))


def sound(clips: list[Clip], name: str) -> NDArray[np.float32]:
    pcm = next(clip for clip in clips if clip.id == name).pcm()
    return pcm.astype(np.float32) / np.float32(32_768)


def repeated(
    whisper: FasterWhisper, sound: NDArray[np.float32], language: str, phrase: str, rounds: int, pause_s: float
) -> NDArray[np.float32]:
    """The phrase of a recording, `rounds` times, with pauses."""
    words = whisper.recognize([Speech(sound, language, words=True)])[0].words
    spelled = [" ".join(normalized_words(word.text)) for word in words]
    wanted = normalized_words(phrase)
    first = next(i for i in range(len(words)) if spelled[i : i + len(wanted)] == wanted)
    start, end = words[first].start - 0.03, words[first + len(wanted) - 1].end + 0.03
    noise = np.random.default_rng(3).normal(0, 1e-4, round((rounds + 3) * RATE)).astype(np.float32)
    parts: list[NDArray[np.float32]] = [noise[: RATE // 3]]
    for _ in range(rounds):
        parts += [sound[round(start * RATE) : round(end * RATE)], noise[: round(pause_s * RATE)]]
    return np.concatenate([*parts, noise[: RATE // 4]])


def is_shown(hypothesis: Hypothesis, samples: NDArray[np.float32]) -> bool:
    return not withhold_reason(hypothesis, len(samples) / RATE)


# Clip, language, phrase and how often it is said.
REPEATED = (
    ("ast-en-agent-alreadyon", "en", "enter", 7),
    ("vctk-p287_003-clean", "en", "of blue cheese", 4),
    ("ast-fr-confbridge-inc-list-vol-out", "fr", "le volume des", 4),
)
PAUSES_S = (0.2, 0.35)


def is_complete(heard: Hypothesis, phrase: str, rounds: int, *, final: bool) -> bool:
    """Whether a text has the phrase about as often as it was said.

    The recognizer may misunderstand a word without context, as up to three, but it repeats what it understood.
    """
    words, length = normalized_words(heard.text), len(normalized_words(phrase))
    times = len(words) / length
    return (rounds - 1 if final else 3) <= times <= 3 * rounds and len(set(words)) <= 3 * length


def test_words_that_a_speaker_repeats_are_recognized_as_often(
    whisper: FasterWhisper, shared_folder: Path, speech_clips: list[Clip]
) -> None:
    """In most texts in which the decoder repeats at least three times. Which ones these are depends on the processor.

    A guard that cuts or withholds what a speaker repeats fails all of them.
    """
    complete: dict[tuple[str, float, bool], bool] = {}
    for clip, language, phrase, rounds in REPEATED:
        for pause_s in PAUSES_S:
            samples = repeated(whisper, sound(speech_clips, clip), language, phrase, rounds, pause_s)
            for final in (True, False):
                speech = Speech(samples, language, beam_size=5 if final else 1, words=not final, final=final)
                (heard,) = whisper.recognize([speech])
                decoded = normalized_words(heard.decoded or heard.text)
                if len(decoded) >= 3 * len(normalized_words(phrase)):
                    shown = is_shown(heard, samples)
                    complete[clip, pause_s, final] = shown and is_complete(heard, phrase, rounds, final=final)
    assert len(complete) >= 4, complete
    assert sum(complete.values()) >= 0.6 * len(complete), complete


def test_loops_of_the_decoder_are_cut(whisper_tiny: Path, shared_folder: Path, speech_clips: list[Clip]) -> None:
    """Windows without a margin make the decoder repeat the text instead of stopping."""
    whisper = FasterWhisper(
        whisper_tiny, model="tiny", hardware=Hardware("cpu", threads=2), windows=EncoderWindows(2, 1, 0.0)
    )
    english = [clip for clip in speech_clips if clip.language == "en" and clip.kind == "utt"]
    beginnings = [sound([clip], clip.id)[: 2 * RATE] for clip in english[:24]]
    heard = whisper.recognize([Speech(samples, "en", words=True, final=False) for samples in beginnings])
    assert sum(is_repetitive(one.decoded, one.decoded.split()) for one in heard) >= 5, "too few loops to test"
    assert [one.text for one in heard if is_repetitive(one.text, one.text.split())] == []
