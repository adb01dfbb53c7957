"""Notices about the level of the audio, and the ways in which they must not be sent."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.audio.level_monitor import LevelMonitor
from gateway.audio.running_gain import levels_db
from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from tests.testkit.audio.clips import Clip

WINDOW_S = 0.032


def noise(seconds: float, level_db: float, seed: int = 0) -> NDArray[np.int16]:
    """[n, 512] windows of noise with this RMS in dB of full scale."""
    random = np.random.default_rng(seed)
    samples = random.normal(0, 32_768 * 10 ** (level_db / 20), (round(seconds / WINDOW_S), 512))
    return np.rint(samples).clip(-32_768, 32_767).astype(np.int16)


class Speaker:
    def __init__(self) -> None:
        self.monitor = LevelMonitor()

    def hear(self, windows: NDArray[np.int16], *, speech: bool) -> list[str]:
        probabilities = np.full(len(windows), 0.9 if speech else 0.0, np.float32)
        return [notice.code for notice in self.monitor.check(windows, probabilities, levels_db(windows))]


def test_quiet_speech_is_reported_once_and_again_only_after_it_was_loud() -> None:
    speaker = Speaker()
    assert speaker.hear(noise(20, -55), speech=True) == ["low_level"]
    assert speaker.hear(noise(20, -44), speech=True) == [], "between the limits"
    assert speaker.hear(noise(20, -30), speech=True) == ["level_normal"]
    assert speaker.hear(noise(20, -44), speech=True) == []
    assert speaker.hear(noise(20, -55), speech=True) == ["low_level"]


def test_distorted_speech_is_reported_once_and_again_only_after_it_was_clean() -> None:
    speaker = Speaker()
    assert speaker.hear(noise(10, -3), speech=True) == ["clipped"]
    assert speaker.hear(noise(10, -3), speech=True) == []
    assert speaker.hear(noise(10, -30), speech=True) == ["level_normal"]
    assert speaker.hear(noise(10, -3), speech=True) == ["clipped"]


def test_single_peaks_at_full_scale_are_not_clipping() -> None:
    windows = noise(30, -25)
    windows[::3, 0] = 32_767
    windows[40] = 32_767  # a click
    assert Speaker().hear(windows, speech=True) == []


def test_loud_noise_that_is_not_speech_is_not_clipping() -> None:
    assert Speaker().hear(noise(30, 0), speech=False) == []


@pytest.mark.parametrize(("level_db", "codes"), [(-120, ["no_sound"]), (-90, ["no_sound"]), (-70, []), (-40, [])])
def test_a_dead_microphone_is_reported_and_a_quiet_room_is_not(level_db: float, codes: list[str]) -> None:
    speaker = Speaker()
    assert speaker.hear(noise(9.9, level_db), speech=False) == []
    assert speaker.hear(noise(60, level_db), speech=False) == codes


def test_a_click_is_no_sound_and_sound_ends_the_notice() -> None:
    speaker, windows = Speaker(), noise(20, -120)
    windows[5] = noise(1, -20)[0]
    assert speaker.hear(windows, speech=False) == ["no_sound"]
    assert speaker.hear(noise(1, -60), speech=False) == ["level_normal"]
    assert speaker.hear(noise(60, -120), speech=False) == [], "a speaker may mute the microphone later"


@given(st.lists(st.integers(1, 900), max_size=6))
def test_the_notices_do_not_depend_on_how_audio_is_split(cuts: list[int]) -> None:
    parts = [noise(11, -120), noise(4, -55), noise(4, -30), noise(4, -3), noise(4, -30)]
    windows = np.concatenate(parts)
    probabilities = np.repeat(np.array([0.0, 0.9], np.float32), [len(parts[0]), len(windows) - len(parts[0])])
    monitor, found, levels = LevelMonitor(), list[str](), levels_db(windows)
    bounds = sorted({0, len(windows), *(cut for cut in cuts if cut < len(windows))})
    for begin, end in pairwise(bounds):
        some = windows[begin:end], probabilities[begin:end], levels[begin:end]
        found += [notice.code for notice in monitor.check(*some)]
    assert found == ["no_sound", "level_normal", "low_level", "level_normal", "clipped", "level_normal"]


@pytest.mark.parametrize(("gain_db", "code"), [(0, None), (-40, "low_level"), (-50, "low_level"), (20, "clipped")])
def test_real_speech_gives_the_notice_of_its_level(speech_clips: list[Clip], gain_db: float, code: str | None) -> None:
    silero = Silero()
    for clip in speech_clips[::8]:
        pcm = np.rint(clip.pcm() * 10 ** (gain_db / 20)).clip(-32_768, 32_767).astype(np.int16)
        scored = SpeechDetector(silero).detect_speech(pcm)
        codes = [notice.code for notice in LevelMonitor().check(*scored)]
        assert codes[:1] == ([code] if code else []), clip.id
