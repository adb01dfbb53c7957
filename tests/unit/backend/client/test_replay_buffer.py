"""What a client keeps and says again: no sample is lost or doubled, whatever is lost and settled in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.client.progress import ReconnectBackoff, SessionProgress
from backend.client.replay_buffer import BLOCK_MS, KEPT_MS, SAMPLE_BYTES, ReplayBuffer
from backend.messages.protocol import (
    AudioFormat,
    Configure,
    Error,
    Final,
    Finalize,
    Partial,
    Ready,
    SpeechEnded,
    Start,
    Stop,
    Translation,
)

PHONE = AudioFormat(encoding="mulaw", sample_rate=8_000)
"""Eight bytes a millisecond."""
MS = 8

FORMATS = st.builds(
    AudioFormat,
    encoding=st.sampled_from(sorted(SAMPLE_BYTES)),
    sample_rate=st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]),
    channels=st.sampled_from([1, 2]),
)


def frame(audio: AudioFormat) -> int:
    return SAMPLE_BYTES[audio.encoding] * audio.channels


def whole(audio: AudioFormat, ms: int) -> int:
    """Bytes of the whole samples before a position."""
    return ms * audio.sample_rate // 1000 * frame(audio)


def final(utterance: int, end_ms: int, cursor: str = "") -> Final:
    return Final(utterance=utterance, text="x", language="en", confidence=1, start_ms=0, end_ms=end_ms, cursor=cursor)


class Server:
    """What it has received, cut together by position as `ready.audio_from_ms` says."""

    def __init__(self, audio: AudioFormat, from_ms: int) -> None:
        self.audio, self.offset = audio, whole(audio, from_ms)
        self.heard = bytearray()
        self.said: list[tuple[int, Finalize | Stop]] = []

    @property
    def position_ms(self) -> int:
        end = self.offset + len(self.heard)
        ms = end // frame(self.audio) * 1000 // self.audio.sample_rate
        return ms + 1 if whole(self.audio, ms + 1) <= end else ms

    def expects(self, from_ms: int) -> None:
        """A connection was lost: what came after this position is forgotten."""
        kept = whole(self.audio, from_ms) - self.offset
        del self.heard[kept:]
        self.said = [(at, message) for at, message in self.said if at < kept]

    def receive(self, item: bytes | Finalize | Stop) -> None:
        if isinstance(item, bytes):
            self.heard += item
        else:
            self.said.append((len(self.heard), item))


@given(data=st.data(), audio=FORMATS, from_ms=st.integers(0, 100_000))
def test_however_often_a_connection_is_lost_every_sample_arrives_once_and_in_order(
    data: st.DataObject, audio: AudioFormat, from_ms: int
) -> None:
    ring, server = ReplayBuffer(audio, from_ms), Server(audio, from_ms)
    sent, said = bytearray(), []
    for step in data.draw(st.lists(st.sampled_from(["add", "mark", "take", "settle", "lose"]), max_size=40)):
        if step == "add":
            samples = data.draw(st.integers(0, ring.block // frame(audio)))
            block = bytes((len(sent) + at) % 251 for at in range(samples * frame(audio)))
            ring.add(block)
            sent += block
        elif step == "mark":
            ring.mark(Finalize())
            said.append((len(sent), Finalize()))
        elif step == "take":
            for _ in range(data.draw(st.integers(1, 4))):
                if (item := ring.take()) is not None:
                    server.receive(item)
        elif step == "settle":
            ring.settle(data.draw(st.integers(0, server.position_ms)))
        elif step == "lose":
            back_to = data.draw(st.integers(ring.start_ms, max(ring.start_ms, server.position_ms)))
            server.expects(back_to)
            ring.rewind(back_to)
    while (item := ring.take()) is not None:
        server.receive(item)
    assert server.heard == sent
    assert server.said == said


@given(audio=FORMATS, blocks=st.integers(1, 600))
def test_the_ring_holds_a_minute_and_the_newest_stays(audio: AudioFormat, blocks: int) -> None:
    ring = ReplayBuffer(audio)
    for number in range(blocks):
        ring.add(bytes([number % 251]) * ring.block)
    assert ring.end_ms - ring.start_ms <= KEPT_MS + 1
    assert ring.start_ms == 0 or ring.end_ms - ring.start_ms > KEPT_MS - BLOCK_MS
    ring.rewind(0)
    kept = b"".join(iter(ring.take, None))  # type: ignore[arg-type]
    expected = b"".join(bytes([number % 251]) * ring.block for number in range(blocks))
    assert expected.endswith(kept)
    assert len(kept) == len(expected) - whole(audio, ring.start_ms)


def test_there_is_room_until_a_block_would_push_something_out() -> None:
    ring = ReplayBuffer(PHONE)
    while ring.has_room:
        ring.add(bytes(ring.block))
    assert (ring.start_ms, ring.end_ms) == (0, KEPT_MS)
    ring.settle(BLOCK_MS)
    assert ring.has_room


def test_a_stop_is_said_again_and_a_finalize_only_when_no_final_covers_its_place() -> None:
    ring = ReplayBuffer(PHONE)
    ring.add(bytes(100 * MS))
    ring.mark(Finalize())
    ring.add(bytes(100 * MS))
    ring.mark(Stop())
    assert [ring.take() for _ in range(5)] == [bytes(100 * MS), Finalize(), bytes(100 * MS), Stop(), None]
    ring.settle(50)
    assert ring.take() is None
    ring.rewind(120)
    assert [ring.take() for _ in range(3)] == [bytes(80 * MS), Stop(), None]
    ring.settle(150)
    ring.rewind(0)
    assert [ring.take() for _ in range(3)] == [bytes(50 * MS), Stop(), None]


def test_what_a_final_covers_is_not_sent_any_more() -> None:
    ring = ReplayBuffer(PHONE)
    ring.add(bytes(60 * MS) + b"x" * 40 * MS)
    ring.mark(Finalize())
    ring.settle(60)
    assert [ring.take() for _ in range(2)] == [b"x" * 40 * MS, Finalize()]


def test_a_position_beyond_the_audio_settles_all_of_it_and_no_more() -> None:
    ring = ReplayBuffer(PHONE)
    ring.add(bytes(100 * MS))
    ring.settle(500)
    assert ring.start_ms == ring.end_ms == 100
    ring.add(b"new")
    assert ring.take() == b"new"


# --- the place in a session


@pytest.fixture
def place() -> SessionProgress:
    """Of a session that is open and has heard a second."""
    opened = SessionProgress(Start(audio=PHONE, language="de"))
    opened.opened(Ready(session="s", resume_token="t", cursor="1-0"))
    for _ in range(4):
        opened.ring.add(bytes(opened.ring.block))
    return opened


def test_a_resumption_names_what_the_client_has_and_can_still_send(place: SessionProgress) -> None:
    place.take(final(1, 300, "5-0"))
    place.take(Translation(utterance=1, language="es", text="x", is_final=True, cursor="6-0"))
    place.take(Partial(utterance=2, revision=1, committed="so far", tentative="", language="de", start_ms=0, end_ms=1))
    asked = place.resume()
    assert (asked.session, asked.token, asked.cursor, asked.audio_from_ms) == ("s", "t", "6-0", 300)
    assert (asked.utterance, asked.open_utterance, asked.committed) == (1, 2, "so far")


def test_a_final_is_news_once_and_a_late_one_after_an_error_is_news_too(place: SessionProgress) -> None:
    assert place.take(final(1, 300))
    assert not place.take(final(1, 300))
    assert place.take(Error(code="dead_lettered", message="", utterance=2))
    assert place.take(final(3, 600))
    assert place.take(final(2, 500))
    assert place.resume().utterance == 3


def test_an_utterance_that_failed_is_not_sent_again(place: SessionProgress) -> None:
    place.take(SpeechEnded(utterance=1, end_ms=400))
    place.take(Error(code="dead_lettered", message="", utterance=1))
    assert (place.resume().audio_from_ms, place.resume().utterance) == (400, 1)


def test_after_a_resumption_the_cursor_is_still_that_of_what_was_seen(place: SessionProgress) -> None:
    place.take(final(1, 300, "5-0"))
    place.opened(Ready(session="s", resume_token="t", cursor="9-0"))
    assert place.resume().cursor == "5-0"
    place.opened(Ready(session="another", resume_token="u", cursor="0-0"))
    assert (place.resume().session, place.resume().token, place.resume().cursor) == ("another", "u", "0-0")


def test_a_session_that_stands_in_for_a_lost_one_has_the_options_in_force(place: SessionProgress) -> None:
    assert place.options() is None
    place.configure(Configure(translate_to=("es",)))
    place.take(final(4, 700))
    anew = place.start()
    assert (anew.language, anew.translate_to, anew.audio) == ("de", ("es",), PHONE)
    assert (anew.audio_from_ms, anew.utterance) == (700, 4)
    again = place.options()
    assert again is not None
    assert (again.language, again.translate_to, again.endpoint_ms) == ("de", ("es",), 600)


# --- when to try again


def test_waits_grow_to_the_cap_and_end_with_patience() -> None:
    backoff = ReconnectBackoff(60, chance=lambda: 1.0)
    backoff.lost(1_000, "")
    now, waits = 1_000.0, []
    while (wait := backoff.wait_s(now, 0)) is not None:
        waits.append(wait)
        now += wait
    assert waits[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    assert 1_055 < now < 1_060


@given(st.floats(0, 1), st.floats(0, 30))
def test_a_wait_the_server_asked_for_is_kept_and_spread(chance: float, asked_s: float) -> None:
    backoff = ReconnectBackoff(60, chance=lambda: chance)
    backoff.lost(0, "")
    assert backoff.wait_s(0, asked_s) == asked_s + chance * 0.1


@pytest.mark.parametrize(("held_s", "cursor", "patient"), [(0.1, "1-0", False), (0.1, "2-0", True), (6.0, "1-0", True)])
def test_patience_begins_anew_only_after_a_connection_that_was_of_use(
    held_s: float, cursor: str, patient: bool
) -> None:
    backoff = ReconnectBackoff(10, chance=lambda: 0.0)
    backoff.lost(0, "1-0")
    assert backoff.wait_s(9.9, 0) == 0
    backoff.lost(9.9 + held_s, cursor)
    assert (backoff.wait_s(9.9 + held_s, 0) is not None) == patient
