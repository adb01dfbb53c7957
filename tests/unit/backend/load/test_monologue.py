"""The audio of a simulated speaker, and where in it there is speech."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.load.clips import AudioClip
from backend.load.monologue import TAIL_S, WINDOW, Monologue, PreparedClip, compose, prepare

RATE = 16_000
FRAME = 1_600


def sound(*parts: tuple[float, int]) -> NDArray[np.int16]:
    """Square waves, given as pairs of seconds and amplitude."""
    return np.concatenate([np.tile([loud, -loud], round(seconds * RATE / 2)) for seconds, loud in parts]).astype(
        np.int16
    )


def clip(name: str) -> AudioClip:
    return AudioClip(Path(f"{name}.wav"), name, "en")


WORD = prepare(clip("word"), sound((0.5, 0), (1.0, 8_000), (0.5, 0)), FRAME)


def monologue_of(said: PreparedClip) -> Monologue:
    return compose([said], FRAME, 0.1, 1.5, Random(1))


def test_first_and_last_speech_are_found_from_any_position() -> None:
    said = monologue_of(WORD)
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
def test_faint_sound_is_speech_within_30_db_of_the_loudest_if_it_exceeds_the_noise(
    faint: int, rest: int, last: int
) -> None:
    said = monologue_of(prepare(clip("fading"), sound((1.0, 8_000), (1.0, faint), (1.0, rest)), FRAME))
    assert said.last_speech(60_000) == last - 1


def test_a_clip_of_constant_level_is_all_speech() -> None:
    said = monologue_of(prepare(clip("tone"), sound((1.0, 8_000)), FRAME))
    assert (said.first_speech(0), said.last_speech(60_000)) == (0, 15_999)


def test_digital_silence_contains_no_speech() -> None:
    said = monologue_of(prepare(clip("nothing"), sound((1.0, 0)), FRAME))
    assert said.first_speech(0) is None
    assert said.last_speech(100_000) is None


def test_clips_are_joined_with_silence_between_them_and_a_tail() -> None:
    said = compose([WORD], FRAME, 5.0, 1.5, Random(1))
    assert [(placement.start, placement.end) for placement in said.placements] == [(0, 32_000), (56_000, 88_000)]
    assert len(said.frames) * FRAME == RATE * (2 * (2.0 + 1.5) + TAIL_S)
    assert said.frames[20:35] == (bytes(2 * FRAME),) * 15


def test_every_clip_is_used_once_before_any_is_repeated() -> None:
    clips = [prepare(clip(name), sound((1.0, 8_000)), FRAME) for name in "abcd"]
    placements = compose(clips, FRAME, 19.9, 1.5, Random(3)).placements
    names = [placement.clip.text for placement in placements]
    assert sorted(names) == sorted("abcd" * 2)
    assert sorted(names[:4]) == list("abcd")


def test_the_order_of_clips_depends_only_on_the_seed() -> None:
    clips = [prepare(clip(name), sound((1.0, 8_000)), FRAME) for name in "abcdefgh"]
    order = [
        [p.clip.text for p in compose(clips, FRAME, 19.9, 1.5, Random(seed)).placements]
        for seed in ("0 1", "0 1", "0 2")
    ]
    assert order[0] == order[1] != order[2]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 10).map(lambda windows: windows * WINDOW),
)
def test_frames_hold_all_samples_of_a_clip_and_loud_windows_are_speech(
    parts: list[tuple[int, bool]], frame: int
) -> None:
    pcm = sound(*((windows * WINDOW / RATE, 9_000 * loud) for windows, loud in parts))
    said = prepare(clip("x"), pcm, frame)
    assert b"".join(said.frames)[: 2 * len(pcm)] == pcm.tobytes()
    assert {len(data) for data in said.frames} == {2 * frame}
    loud_windows = np.flatnonzero(np.abs(pcm.reshape(-1, WINDOW)[:, 0].astype(int))) * WINDOW
    assert said.speech.tolist() == loud_windows.tolist()


@given(st.integers(0, 60_000))
def test_there_is_no_speech_between_last_speech_and_first_speech(at: int) -> None:
    said = compose([WORD], FRAME, 5.0, 1.0, Random(1))
    last, first = said.last_speech(at), said.first_speech(at)
    spoken = {int(window) + i for window in said.speech for i in (0, WINDOW - 1)}
    assert last is None or last < at
    assert first is None or first >= at
    assert not any((-1 if last is None else last) < sample < (10**9 if first is None else first) for sample in spoken)
