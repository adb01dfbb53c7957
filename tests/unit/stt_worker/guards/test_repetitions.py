"""Repetitions of a speaker are kept, as often as they are spoken; loops of the decoder are cut."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.guards.repetitions import find_loop, is_repetitive, judge_repetition
from stt_worker.guards.voice import FRAME_S, Voice
from stt_worker.recognizers.recognizer import RecognizedWord


def timed(words: Sequence[str], durations: Sequence[float]) -> list[RecognizedWord]:
    ends = np.cumsum(durations)
    return [
        RecognizedWord(f" {word}", float(end - duration), float(end), 0.9)
        for word, duration, end in zip(words, durations, ends, strict=True)
    ]


def voiced(seconds: float) -> Voice:
    return Voice(np.ones(round(seconds / FRAME_S)))


def first_round(text: str) -> str:
    words = text.split()
    loop = find_loop(words)
    return " ".join(words[: loop.start + loop.length] if loop else words)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no no no no", "no no no no"),
        ("no no no no no no", "no"),
        ("it was. it was. it was. it was. it was. it was.", "it was."),
        ("and all is well and all is well", "and all is well"),
        ("he said: Leave it alone! leave it alone, leave it", "he said: Leave it alone!"),
        ("leave it alone, leave it alone, he said", "leave it alone, leave it alone, he said"),
        ("", ""),
    ],
)
def test_a_loop_is_found_with_its_first_round(text: str, kept: str) -> None:
    assert first_round(text) == kept


def test_a_loop_is_found_in_scripts_without_spaces() -> None:
    spaced = " ".join("好的我知道了今天天气很好我们走吧" + "今天天气很好我们走吧" * 2)
    assert first_round(spaced).replace(" ", "") == "好的我知道了今天天气很好我们走吧"


def test_words_that_a_speaker_repeats_are_kept() -> None:
    words = timed(["testing"] * 6, [0.4, 0.6, 0.5, 0.6, 0.3, 0.5])
    repetition = judge_repetition(words, voiced(3.0))
    assert (repetition.keep, repetition.is_spoken) == (6, True)


def test_more_rounds_than_are_spoken_are_cut() -> None:
    """The aligner places single rounds inexactly, so that which of them is short says little."""
    words = timed(["snow"] * 8, [0.5, 0.5, 0.5, 0.06, 0.4, 0.5, 0.0, 0.2])
    repetition = judge_repetition(words, voiced(3.0))
    assert (repetition.keep, repetition.is_spoken) == (6, True)


@pytest.mark.parametrize("rounds", [2, 5, 20])
def test_a_loop_of_the_decoder_is_cut(rounds: int) -> None:
    said, looped = ["I", "know"], ["turn", "to", "its", "place"]
    words = timed(said + looped * rounds, [0.3] * 6 + [0.0] * 4 * (rounds - 1))
    repetition = judge_repetition(words, voiced(1.8))
    assert (repetition.keep, repetition.is_spoken) == (6, False)


def test_rounds_over_silence_are_cut() -> None:
    words = timed(["thank", "you"] * 6, [0.3] * 12)
    repetition = judge_repetition(words, Voice(np.array([1.0] * 30 + [-1.0] * 150)))
    assert (repetition.keep, repetition.is_spoken) == (2, False)


def test_a_loop_with_variations_is_cut_where_the_audio_ends() -> None:
    varied = ["he", "said", "no,", "he", "said", "so,", "he", "said", "no,", "he", "said", "so,", "he", "said"] * 3
    words = timed(varied, [0.3] * 6 + [0.0] * 36)
    repetition = judge_repetition(words, voiced(1.8))
    assert (repetition.keep, repetition.is_spoken) == (6, False)


@pytest.mark.parametrize(("rounds", "is_certain"), [(2, False), (3, True)])
def test_a_phrase_that_is_spoken_twice_is_not_certain(rounds: int, is_certain: bool) -> None:
    words = timed(["and", "all", "is", "well"] * rounds, [0.3] * 4 * rounds)
    repetition = judge_repetition(words, voiced(1.2 * rounds))
    assert (repetition.is_spoken, repetition.is_certain) == (True, is_certain)
    assert repetition.keep == len(words)


def test_punctuation_is_never_spoken() -> None:
    assert judge_repetition(timed([","] * 50, [0.2] * 50), voiced(10.0)).keep == 1


def test_a_loop_is_not_cut_within_the_prefix() -> None:
    words = timed(["and", "all", "is", "well"] * 4, [0.3] * 4 + [0.0] * 12)
    assert judge_repetition(words, voiced(1.2), prefix="and all is well and all is well").keep == 8


@pytest.mark.parametrize(("duration", "keep", "is_spoken"), [(0.3, 41, True), (0.0, 1, False)])
def test_repetitions_before_the_end_are_compared_with_the_audio(duration: float, keep: int, is_spoken: bool) -> None:
    text = ["go"] * 40 + ["home"]
    words = timed(text, [duration] * 41)
    assert is_repetitive(" ".join(text), text)
    repetition = judge_repetition(words, voiced(12.3))
    assert (repetition.keep, repetition.is_spoken) == (keep, is_spoken)


phonetic = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
some_words = st.lists(st.sampled_from(phonetic), min_size=1, max_size=12)


@given(some_words, st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_at_least_one_word_is_kept(said: list[str], durations: list[float]) -> None:
    repetition = judge_repetition(timed(said, durations[: len(said)]), voiced(12.0))
    assert 0 < repetition.keep <= repetition.words == len(said)


@given(some_words, st.integers(2, 5))
def test_a_phrase_repeated_to_the_end_is_always_found(start: list[str], rounds: int) -> None:
    phrase = ["one", "more", "time", "please"]
    loop = find_loop(start + phrase * rounds)
    assert loop
    assert loop.start + loop.length <= len(start) + len(phrase)


def test_a_loop_before_the_silence_of_a_text_that_continues_without_a_voice_keeps_its_first_round() -> None:
    # The music is voiced, the decoder counts on, and the text does not end with the loop.
    words = timed(["2", "3", *["5"] * 10, *"abcdefgh"], [0.5] * 12 + [0.0] * 8)
    repetition = judge_repetition(words, voiced(6.0))
    assert (repetition.keep, repetition.is_spoken) == (3, False)


def test_no_speaker_says_a_word_that_repeats_itself() -> None:
    assert not judge_repetition(timed(["3" + "dc" * 60], [8.0]), voiced(8.0)).is_spoken
    assert judge_repetition(timed(["incomprehensibilities"], [8.0]), voiced(8.0)).is_spoken
