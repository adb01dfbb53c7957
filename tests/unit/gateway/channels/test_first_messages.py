"""The first message, divided into one for each channel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import AudioError, ProtocolError
from backend.messages.channels import MAX_CHANNELS, ChannelPosition, ChannelReady, ChannelResume
from backend.messages.protocol import AudioFormat, Ready, Resume, Start
from gateway.channels.first_messages import check_count, divide, has_channels, join_ready

STEREO = AudioFormat(channels=2)


def test_only_multichannel_sessions_are_divided() -> None:
    assert has_channels(Start(audio=STEREO, multichannel=True))
    assert has_channels(Resume(session="s", token="t", channels=(ChannelResume(),)))
    assert not has_channels(Start(audio=STEREO))
    assert not has_channels(Resume(session="s", token="t"))


def test_each_channel_gets_the_options_and_its_own_position() -> None:
    positions = (ChannelPosition(audio_from_ms=500, utterance=3), ChannelPosition(audio_from_ms=900, utterance=4))
    first = Start(audio=STEREO, multichannel=True, language="en", channel_order="time", positions=positions)
    assert divide(first) == [
        Start(
            audio=AudioFormat(channels=2, channel=channel),
            language="en",
            channel_order="time",
            audio_from_ms=position.audio_from_ms,
            utterance=position.utterance,
        )
        for channel, position in enumerate(positions)
    ]


def test_without_positions_all_channels_begin_alike() -> None:
    divided = divide(Start(audio=STEREO, multichannel=True, audio_from_ms=700, utterance=2))
    assert [(start.audio_from_ms, start.utterance) for start in divided if isinstance(start, Start)] == [(700, 2)] * 2


@pytest.mark.parametrize("channels", [-1, 0, MAX_CHANNELS + 1])
def test_the_number_of_channels_is_limited(channels: int) -> None:
    with pytest.raises(AudioError) as caught:
        divide(Start(audio=AudioFormat(channels=channels), multichannel=True))
    assert (caught.value.code, caught.value.close_code) == ("unsupported_channels", 1003)


@pytest.mark.parametrize(
    "fields", [{"audio": AudioFormat(channels=2, channel=1)}, {"audio": STEREO, "positions": (ChannelPosition(),)}]
)
def test_contradictions_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        divide(Start(multichannel=True, **fields))
    assert caught.value.code == "invalid_message"


@given(
    channels=st.integers(-2, 12),
    channel=st.none() | st.integers(-1, 3),
    positions=st.lists(
        st.builds(ChannelPosition, audio_from_ms=st.integers(0, 9), utterance=st.integers(0, 9)), max_size=8
    ),
)
def test_any_start_is_divided_or_refused(channels: int, channel: int | None, positions: list[ChannelPosition]) -> None:
    audio = AudioFormat(channels=channels, channel=channel)
    try:
        divided = divide(Start(audio=audio, multichannel=True, positions=tuple(positions)))
    except (AudioError, ProtocolError):
        return
    assert [start.audio.channel for start in divided if isinstance(start, Start)] == list(range(channels))
    assert not any(has_channels(start) for start in divided)


def test_a_resume_names_the_session_of_each_channel() -> None:
    states = (ChannelResume(cursor="5-0", utterance=2), ChannelResume(committed="good", open_utterance=1))
    assert divide(Resume(session="abc", token="t", channels=states)) == [
        Resume(session="abc-0", token="t", cursor="5-0", utterance=2),
        Resume(session="abc-1", token="t", committed="good", open_utterance=1),
    ]


@pytest.mark.parametrize("length", [62, 63, 64])
def test_a_resume_with_the_longest_ids_is_divided(length: int) -> None:
    (own,) = divide(Resume(session="s" * length, token="t", channels=(ChannelResume(utterance=3),)))
    assert isinstance(own, Resume)
    assert (own.session, own.utterance, own.channels) == ("s" * length + "-0", 3, ())


def test_a_resume_has_as_many_channels_as_the_session() -> None:
    opened, resume = Start(audio=AudioFormat(channels=2, channel=0)), Resume(session="s", token="t")
    check_count(resume.model_copy(update={"channels": (ChannelResume(), ChannelResume())}), opened)
    with pytest.raises(ProtocolError, match="1 channels, but the session has 2"):
        check_count(resume.model_copy(update={"channels": (ChannelResume(),)}), opened)


def test_audio_is_expected_from_the_first_position_that_a_channel_needs() -> None:
    answers = [
        Ready(session=f"g-{n}", audio_from_ms=ms, cursor=f"{ms}-0", correlation_id="c") for n, ms in ((0, 9), (1, 4))
    ]
    ready = join_ready("g", "t", answers)
    assert (ready.session, ready.resume_token, ready.audio_from_ms, ready.correlation_id) == ("g", "t", 4, "c")
    assert ready.channels == (ChannelReady(audio_from_ms=9, cursor="9-0"), ChannelReady(audio_from_ms=4, cursor="4-0"))
