"""The session state that a client keeps for resuming, and its reconnect delays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.client.connection import ServerError
from backend.client.progress import BASE_S, CAP_S, ReconnectPolicy, SessionProgress
from backend.errors import NovaError
from backend.messages.channels import ChannelPosition, ChannelReady, ChannelResume
from backend.messages.protocol import AudioFormat, Configure, Error, Ready, Resume, SpeechEnded, Start, Translation
from tests.testkit.streams.jobs import final, partial

PHONE = AudioFormat(encoding="mulaw", sample_rate=8_000)


@pytest.fixture
def progress() -> SessionProgress:
    """A session that is open, with one second of audio in its replay buffer."""
    opened = SessionProgress(Start(audio=PHONE, language="de"))
    opened.apply_ready(Ready(session="s", resume_token="t", cursor="1-0"))
    for _ in range(4):
        opened.buffer.add(bytes(opened.buffer.block_bytes))
    return opened


def test_the_resume_message_states_what_the_client_has_and_can_send_again(progress: SessionProgress) -> None:
    progress.apply_event(final(1, end_ms=300, cursor="5-0"))
    progress.apply_event(Translation(utterance=1, language="es", text="x", is_final=True, cursor="6-0"))
    progress.apply_event(partial(2, "so far", ""))
    asked = progress.resume_message()
    assert (asked.session, asked.token, asked.cursor, asked.audio_from_ms) == ("s", "t", "6-0", 300)
    assert (asked.utterance, asked.open_utterance, asked.committed) == (1, 2, "so far")


def test_a_repeated_final_is_dropped_and_a_late_final_after_an_error_is_not(progress: SessionProgress) -> None:
    assert progress.apply_event(final(1, end_ms=300))
    assert not progress.apply_event(final(1, end_ms=300))
    assert progress.apply_event(Error(code="dead_lettered", message="", utterance=2))
    assert progress.apply_event(final(3, end_ms=600))
    assert progress.apply_event(final(2, end_ms=500))
    assert progress.resume_message().utterance == 3


def test_the_audio_of_a_failed_utterance_is_not_sent_again(progress: SessionProgress) -> None:
    progress.apply_event(SpeechEnded(utterance=1, end_ms=400))
    progress.apply_event(Error(code="dead_lettered", message="", utterance=1))
    assert (progress.resume_message().audio_from_ms, progress.resume_message().utterance) == (400, 1)


def test_resuming_keeps_the_cursor_of_the_last_event_and_a_new_session_replaces_it(progress: SessionProgress) -> None:
    progress.apply_event(final(1, end_ms=300, cursor="5-0"))
    progress.apply_ready(Ready(session="s", resume_token="t", cursor="9-0"))
    assert progress.resume_message().cursor == "5-0"
    progress.apply_ready(Ready(session="another", resume_token="u", cursor="0-0"))
    asked = progress.resume_message()
    assert (asked.session, asked.token, asked.cursor) == ("another", "u", "0-0")


def test_a_session_that_replaces_a_lost_one_has_the_current_options(progress: SessionProgress) -> None:
    assert progress.options_message() is None
    progress.apply_configure(Configure(translate_to=("es",)))
    progress.apply_event(final(4, end_ms=700))
    restart = progress.restart_message()
    assert (restart.language, restart.translate_to, restart.audio) == ("de", ("es",), PHONE)
    assert (restart.audio_from_ms, restart.utterance) == (700, 4)
    options = progress.options_message()
    assert options is not None
    assert (options.language, options.translate_to, options.endpoint_ms) == ("de", ("es",), 800)


# --- several channels


@pytest.fixture
def stereo() -> SessionProgress:
    """An open session with two channels, and two seconds of audio in its replay buffer."""
    audio = AudioFormat(encoding="mulaw", sample_rate=8_000, channels=2)
    opened = SessionProgress(Start(audio=audio, multichannel=True, language="de"))
    channels = (ChannelReady(cursor="1-0"), ChannelReady(cursor="2-0"))
    opened.apply_ready(Ready(session="s", resume_token="t", correlation_id="c", channels=channels))
    for _ in range(8):
        opened.buffer.add(bytes(opened.buffer.block_bytes))
    return opened


def of_channel(channel: int, event: Any) -> Any:
    return event.model_copy(update={"channel": channel})


def test_audio_is_kept_until_the_finals_of_all_channels_cover_it(stereo: SessionProgress) -> None:
    stereo.apply_event(of_channel(0, final(1, end_ms=700)))
    assert stereo.buffer.start_ms == 0
    stereo.apply_event(of_channel(1, final(1, end_ms=500)))
    assert stereo.buffer.start_ms == 500
    stereo.apply_event(of_channel(1, final(2, end_ms=900)))
    assert stereo.buffer.start_ms == 700
    assert stereo.buffer.end_ms == 2_000, "a millisecond has a sample of each channel"


def test_each_channel_has_its_own_utterances_cursor_and_committed_text(stereo: SessionProgress) -> None:
    before = stereo.cursor
    assert stereo.apply_event(of_channel(0, final(1, end_ms=700, cursor="5-0")))
    assert stereo.apply_event(of_channel(1, final(1, end_ms=500, cursor="3-0")))
    assert not stereo.apply_event(of_channel(1, final(1, end_ms=500, cursor="3-0")))
    assert stereo.cursor != before
    stereo.apply_event(of_channel(1, partial(2, "so far", "")))
    assert stereo.resume_message() == Resume(
        session="s",
        token="t",
        channels=(
            ChannelResume(cursor="5-0", audio_from_ms=500, utterance=1),
            ChannelResume(cursor="3-0", audio_from_ms=500, utterance=1, open_utterance=2, committed="so far"),
        ),
    )


def test_a_new_session_continues_each_channel_where_its_last_final_ended(stereo: SessionProgress) -> None:
    stereo.apply_event(of_channel(0, final(3, end_ms=700)))
    stereo.apply_event(of_channel(1, final(1, end_ms=500)))
    restart = stereo.restart_message()
    assert (restart.multichannel, restart.language, restart.correlation_id) == (True, "de", "c")
    assert restart.positions == (
        ChannelPosition(audio_from_ms=700, utterance=3),
        ChannelPosition(audio_from_ms=500, utterance=1),
    )
    again = SessionProgress(restart)
    assert again.buffer.start_ms == 500


# --- when to reconnect


def delays(policy: ReconnectPolicy, now: float) -> list[float]:
    """All delays until the policy gives up."""
    delays = []
    while (delay_s := policy.next_delay_s(now, 0)) is not None:
        delays.append(delay_s)
        now += delay_s
    return delays


def test_delays_grow_to_the_cap_and_end_at_the_timeout() -> None:
    policy = ReconnectPolicy(60)
    policy.connection_lost(1_000, "")
    waits = delays(policy, 1_000)
    assert all(0 <= wait_s <= min(CAP_S, BASE_S * 2**attempt) for attempt, wait_s in enumerate(waits))
    assert max(waits) > 10 * BASE_S
    assert 60 - CAP_S < sum(waits) < 60


@pytest.mark.parametrize(("waits", "code"), [(True, "overloaded"), (True, "connection_lost"), (False, "overloaded")])
def test_only_a_recording_waits_longer_than_the_timeout_and_only_for_a_place(waits: bool, code: str) -> None:
    policy = ReconnectPolicy(10, waits_for_place=waits)
    policy.connection_lost(0, "")
    error = NovaError("no place", code=code)
    for now in range(8, 100, 8):
        policy.attempt_failed(now, error)
    assert (policy.next_delay_s(96, 5.0) is not None) == (waits and code == "overloaded")
    assert policy.next_delay_s(107, 5.0) is None, "no answer since"


@pytest.mark.parametrize("timeout_s", [0.5, 3, 5, 8])
def test_a_recording_waits_for_a_place_also_with_a_short_timeout(timeout_s: float) -> None:
    policy, now = ReconnectPolicy(timeout_s, waits_for_place=True), 0.0
    policy.connection_lost(now, "")
    full = ServerError(Error(code="overloaded", message="full", retry_after_s=5.0))
    for _ in range(20):
        policy.attempt_failed(now, full)
        delay_s = policy.next_delay_s(now, 5.0)
        assert delay_s is not None
        now += delay_s


@given(st.floats(0, 30))
def test_a_delay_that_the_server_asks_for_is_kept_and_jitter_added(asked_s: float) -> None:
    policy = ReconnectPolicy(60)
    policy.connection_lost(0, "")
    delay_s = policy.next_delay_s(0, asked_s)
    assert delay_s is not None
    assert asked_s <= delay_s <= asked_s + BASE_S


@pytest.mark.parametrize(("held_s", "cursor", "again"), [(0.1, "1-0", False), (0.1, "2-0", True), (6.0, "1-0", True)])
def test_the_timeout_restarts_only_after_a_connection_that_lasted_or_delivered_an_event(
    held_s: float, cursor: str, again: bool
) -> None:
    policy = ReconnectPolicy(10)
    policy.connection_lost(0, "1-0")
    delay_s = policy.next_delay_s(9.8, 0)
    assert delay_s is not None
    lost_at = 9.8 + delay_s + held_s
    policy.connection_lost(lost_at, cursor)
    # Without a restart, the deadline of 10 s is passed by the delay asked for here.
    assert (policy.next_delay_s(lost_at, 1.0) is not None) == again
