"""The end of an utterance by wall clock, with an artificial clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio.arrivals import JITTER_S, LEAD_S, STALL_S, Arrivals

ENDPOINT_S, TICK_S = 0.6, 0.05


class Connection:
    """Frames that a connection handles at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.arrivals = Arrivals(self.now)
        self.arrivals.wait(self.now)

    def audio(self, duration_s: float) -> None:
        self.arrivals.record_frame(self.now, is_audio=True)
        self.arrivals.record_audio(duration_s, self.now)
        self.arrivals.wait(self.now)

    def speak(self, seconds: float, frame_s: float = 0.1, speed: float = 1.0) -> None:
        for _ in range(round(seconds / frame_s)):
            self.now += frame_s / speed
            self.audio(frame_s)

    def seconds_to_end(self, within_s: float, keepalive_s: float = 0.0, endpoint_s: float = ENDPOINT_S) -> float | None:
        """Wait without audio. Returns when the audio has ended, or None."""
        began, sent = self.now, self.now
        while self.now - began < within_s:
            self.now += TICK_S
            if keepalive_s and self.now - sent >= keepalive_s - 1e-9:
                sent = self.now
                self.arrivals.record_frame(self.now, is_audio=False)
                self.arrivals.wait(self.now)
            if self.arrivals.audio_has_ended(endpoint_s, self.now):
                return self.now - began
        return None


@pytest.mark.parametrize("frame_s", [0.02, 0.1, 0.25, 1.0])
def test_keepalives_without_audio_end_an_utterance_one_frame_and_the_jitter_after_the_endpoint(frame_s: float) -> None:
    connection = Connection()
    connection.speak(10, frame_s)
    ended_s = connection.seconds_to_end(10, keepalive_s=0.1)
    assert ended_s == pytest.approx(ENDPOINT_S + frame_s + JITTER_S, abs=0.1 + TICK_S)


def test_a_stall_is_no_pause_until_it_is_long() -> None:
    connection = Connection()
    connection.speak(3)
    assert connection.seconds_to_end(10) == pytest.approx(STALL_S, abs=2 * TICK_S)
    connection.speak(3)
    assert connection.seconds_to_end(10, endpoint_s=5.0) == pytest.approx(5.0 + 0.1 + JITTER_S, abs=2 * TICK_S)


def test_a_keepalive_before_the_stall_proves_nothing_about_it() -> None:
    connection = Connection()
    connection.speak(3)
    connection.now += 0.1
    connection.arrivals.record_frame(connection.now, is_audio=False)
    assert connection.seconds_to_end(2.5) is None


@pytest.mark.parametrize("keepalive_s", [0.0, 0.3])
def test_an_upload_that_pauses_is_not_a_pause_of_the_speaker(keepalive_s: float) -> None:
    connection = Connection()
    connection.speak(120, 0.25, speed=10)
    assert connection.seconds_to_end(4, keepalive_s) is None


def test_after_a_replay_the_client_is_live_again() -> None:
    connection = Connection()
    connection.speak(30, 0.25, speed=100)
    connection.speak(15)
    assert connection.seconds_to_end(2, keepalive_s=0.2) is not None


def test_audio_that_is_being_processed_is_not_a_pause() -> None:
    connection = Connection()
    connection.speak(3)
    connection.arrivals.record_frame(connection.now, is_audio=True)
    assert connection.seconds_to_end(60) is None
    connection.arrivals.wait(connection.now)
    assert connection.seconds_to_end(STALL_S - 0.2) is None


def test_silence_that_timestamps_name_counts_as_its_time_and_not_as_a_lead() -> None:
    connection = Connection()
    connection.speak(3, 0.02)
    connection.now += 6
    connection.audio(6.02)
    assert LEAD_S < 6
    assert connection.seconds_to_end(5, keepalive_s=0.1) == pytest.approx(ENDPOINT_S + JITTER_S, abs=0.2)


@given(st.lists(st.floats(0.0, 0.55), min_size=10, max_size=200))
def test_jitter_below_the_endpoint_never_ends_an_utterance(delays: list[float]) -> None:
    """Frames of 20 ms arrive in order, each with its own delay; keepalives follow each of them."""
    connection = Connection()
    began = arrived = connection.now
    for number, delay in enumerate(delays):
        arrived = max(arrived, began + number * 0.02 + delay)
        connection.now = arrived
        assert not connection.arrivals.audio_has_ended(ENDPOINT_S, connection.now)
        connection.audio(0.02)
        connection.arrivals.record_frame(connection.now, is_audio=False)
