"""Notices about the level of a client's audio: too quiet, clipped, or no sound at all. Pure.

Levels are RMS of windows in dB of full scale. A notice is sent when its condition begins, and again only after the
condition has ended, which takes a clearly better level.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.messages.protocol import Notice
from gateway.audio.running_gain import loud_level

# Windows above this probability are speech.
_SPEECH = 0.5
# Speech windows that decide: the last 3 s. The first decision needs 0.8 s, later ones are made every 0.26 s of speech.
_HISTORY, _FIRST, _EVERY = 94, 24, 8
# Louder quarter of the speech windows. Real clips at their own level have -39 and more, and 40 dB lower -53 and less.
LOW_DB, NOT_LOW_DB = -46.0, -42.0
# Samples from this value on are at full scale: it is below the largest values of mu-law (32,124) and A-law (32,256).
_FULL_SCALE = 32_000
# One sample at full scale is the peak of a normalized recording. More of them in 32 ms are a clipped waveform.
_CLIPPED_SAMPLES = 3
# Share of clipped windows in speech, and their least number, so that one click is not enough.
CLIPPED_SHARE, NOT_CLIPPED_SHARE, _CLIPPED_WINDOWS = 0.04, 0.01, 3
# A sound card without a microphone gives -85 to -95, and a muted one digital silence. A microphone in a quiet room
# gives -60 to -75, with a gain at which speech has -30. So a silent room is above this level, a dead microphone below.
NO_SOUND_DB = -80.0
# Windows from the start of the connection: 10 s. Later silence is usual, because speakers mute themselves.
_NO_SOUND_WINDOWS = 313
# Louder windows that count as sound. A plug or a switch makes one click.
_SOUND_WINDOWS = 3

MESSAGES = {
    "low_level": "the input is too quiet for reliable recognition: move closer to the microphone or raise its level",
    "clipped": "the input is distorted because it is too loud: lower the level of the microphone",
    "no_sound": "there is no sound: check that the right microphone is chosen, connected and not muted",
    "level_normal": "the level of the input is normal again",
}


class LevelMonitor:
    """The level of one connection's audio. The notices do not depend on how the audio is split into calls."""

    def __init__(self) -> None:
        # Levels of the last speech windows, and whether they are clipped.
        self._levels: deque[float] = deque(maxlen=_HISTORY)
        self._clipped: deque[bool] = deque(maxlen=_HISTORY)
        self._speech_count = 0
        # Speech since the last decision. Examined at once, it costs a third.
        self._new_speech: list[bytes] = []
        # Windows since the start, and those with sound. None once there was sound.
        self._without_sound: tuple[int, int] | None = (0, 0)
        # Code of the notice in force, or "".
        self._problem = ""

    def check(
        self, windows: NDArray[np.int16], probabilities: NDArray[np.float32], levels: Sequence[float]
    ) -> list[Notice]:
        """Process [n, 512] windows with their speech probabilities and levels. Return the notices that are due."""
        speech = [probability >= _SPEECH for probability in probabilities.tolist()]
        if self._without_sound is None and True not in speech:
            return []
        notices: list[Notice] = []
        for window, is_speech, level_db in zip(windows, speech, levels, strict=True):
            before, self._problem = self._problem, self._next_problem(window, level_db, is_speech=is_speech)
            if self._problem != before:
                code = self._problem or "level_normal"
                notices.append(Notice(code=code, message=MESSAGES[code]))
        return notices

    def _next_problem(self, window: NDArray[np.int16], level_db: float, *, is_speech: bool) -> str:
        problem = self._problem
        if self._without_sound is not None:
            is_sound = is_speech or level_db > NO_SOUND_DB
            problem = self._await_sound(is_sound=is_sound)
        if not is_speech:
            return problem
        self._levels.append(level_db)
        self._new_speech.append(window.tobytes())
        if len(self._new_speech) < _EVERY:
            return problem
        self._measure_speech()
        return problem if self._speech_count < _FIRST else self._judge_speech()

    def _measure_speech(self) -> None:
        windows = np.frombuffer(b"".join(self._new_speech), np.int16).reshape(len(self._new_speech), -1)
        self._speech_count += len(windows)
        self._new_speech.clear()
        if max(int(windows.max()), -int(windows.min())) < _FULL_SCALE:
            self._clipped += [False] * len(windows)
        else:
            at_full_scale = np.abs(windows.astype(np.int32)) >= _FULL_SCALE
            self._clipped += (at_full_scale.sum(axis=1) >= _CLIPPED_SAMPLES).tolist()

    def _await_sound(self, *, is_sound: bool) -> str:
        assert self._without_sound is not None
        count, sounds = self._without_sound
        self._without_sound = count + 1, sounds + is_sound
        if self._without_sound[1] >= _SOUND_WINDOWS:
            self._without_sound = None
            return ""
        return "no_sound" if self._without_sound[0] >= _NO_SOUND_WINDOWS else ""

    def _judge_speech(self) -> str:
        clipped = sum(self._clipped)
        share = NOT_CLIPPED_SHARE if self._problem == "clipped" else CLIPPED_SHARE
        if clipped >= _CLIPPED_WINDOWS and clipped >= share * len(self._clipped):
            return "clipped"
        return (
            "low_level" if loud_level(self._levels) < (NOT_LOW_DB if self._problem == "low_level" else LOW_DB) else ""
        )
