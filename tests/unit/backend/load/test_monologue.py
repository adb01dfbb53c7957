"""What a session says, and where in it there is speech: told by the audio's own energy."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.load.clips import Clip
from backend.load.monologue import TAIL_S, WINDOW, Monologue, Take, compose, take

RATE = 16_000
FRAME = 1_600


def sound(*parts: tuple[float, int]) -> NDArray[np.int16]:
    """Square waves, each of so many seconds and so loud."""
    return np.concatenate([np.tile([loud, -loud], round(seconds * RATE / 2)) for seconds, loud in parts]).astype(
        np.int16
    )


def clip(name: str) -> Clip:
    return Clip(Path(f"{name}.wav"), name, "en")


WORD = take(clip("word"), sound((0.5, 0), (1.0, 8_000), (0.5, 0)), FRAME)


def alone(said: Take) -> Monologue:
    return compose([said], FRAME, 0.1, 1.5, Random(1))


def test_speech_lies_between_its_first_and_its_last_sample() -> None:
    said = alone(WORD)
    assert said.first_speech(0) == 8_000
    assert said.last_speech(32_000) == 23_999
    assert said.first_speech(10_000) == 10_000
    assert said.last_speech(10_000) == 9_999
    assert said.first_speech(24_000) is None
    assert said.last_speech(8_000) is None


@pytest.mark.parametrize(
    ("faint", "rest", "last"),
    [(300, 0, 32_000), (200, 0, 16_000), (700, 300, 16_000), (900, 300, 32_000), (1_000, 0, 32_000)],
)
def test_faint_sound_is_speech_within_thirty_decibels_but_above_the_recordings_own_noise(
    faint: int, rest: int, last: int
) -> None:
    said = alone(take(clip("fading"), sound((1.0, 8_000), (1.0, faint), (1.0, rest)), FRAME))
    assert said.last_speech(60_000) == last - 1


def test_all_of_a_clip_that_is_equally_loud_is_speech() -> None:
    said = alone(take(clip("tone"), sound((1.0, 8_000)), FRAME))
    assert (said.first_speech(0), said.last_speech(60_000)) == (0, 15_999)


def test_in_digital_silence_nobody_speaks() -> None:
    said = alone(take(clip("nothing"), sound((1.0, 0)), FRAME))
    assert said.first_speech(0) is None
    assert said.last_speech(100_000) is None


def test_clips_are_said_whole_with_silence_between_and_a_tail_behind() -> None:
    said = compose([WORD], FRAME, 5.0, 1.5, Random(1))
    assert [(piece.start, piece.end) for piece in said.pieces] == [(0, 32_000), (56_000, 88_000)]
    assert said.seconds == 2 * (2.0 + 1.5) + TAIL_S
    assert said.frames[20:35] == (bytes(2 * FRAME),) * 15


def test_every_clip_is_said_once_before_any_is_said_again() -> None:
    takes = [take(clip(name), sound((1.0, 8_000)), FRAME) for name in "abcd"]
    pieces = compose(takes, FRAME, 19.9, 1.5, Random(3)).pieces
    names = [piece.clip.text for piece in pieces]
    assert sorted(names) == sorted("abcd" * 2)
    assert sorted(names[:4]) == list("abcd")


def test_the_same_dice_say_the_same_and_others_another_thing() -> None:
    takes = [take(clip(name), sound((1.0, 8_000)), FRAME) for name in "abcdefgh"]
    order = [
        [p.clip.text for p in compose(takes, FRAME, 19.9, 1.5, Random(dice)).pieces] for dice in ("0 1", "0 1", "0 2")
    ]
    assert order[0] == order[1] != order[2]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 10).map(lambda windows: windows * WINDOW),
)
def test_all_samples_of_a_clip_are_sent_and_its_loud_windows_are_speech(
    parts: list[tuple[int, bool]], frame: int
) -> None:
    pcm = sound(*((windows * WINDOW / RATE, 9_000 * loud) for windows, loud in parts))
    said = take(clip("x"), pcm, frame)
    assert b"".join(said.frames)[: 2 * len(pcm)] == pcm.tobytes()
    assert {len(data) for data in said.frames} == {2 * frame}
    loud_windows = np.flatnonzero(np.abs(pcm.reshape(-1, WINDOW)[:, 0].astype(int))) * WINDOW
    assert said.speech.tolist() == loud_windows.tolist()


@given(st.integers(0, 60_000))
def test_there_is_no_speech_between_the_last_and_the_next(at: int) -> None:
    said = compose([WORD], FRAME, 5.0, 1.0, Random(1))
    last, first = said.last_speech(at), said.first_speech(at)
    spoken = {int(window) + i for window in said.speech for i in (0, WINDOW - 1)}
    assert last is None or last < at
    assert first is None or first >= at
    assert not any((-1 if last is None else last) < sample < (10**9 if first is None else first) for sample in spoken)
