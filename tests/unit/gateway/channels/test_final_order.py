"""Finals of several channels in the order of their start times."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from backend.messages.protocol import Error, Final, Message, Notice, SpeakersMerged, SpeechStarted, Translation
from gateway.channels.final_order import FinalOrder, is_result
from tests.testkit.streams.jobs import final, partial


def translation(utterance: int) -> Translation:
    return Translation(utterance=utterance, language="es", text="t", is_final=True)


def popped(order: FinalOrder, frontiers: list[int]) -> list[tuple[int, Message]]:
    """All results that may be sent."""
    return list(iter(lambda: order.pop(frontiers), None))


def test_only_results_wait() -> None:
    waiting = [final(1), translation(1), Error(code="c", message="m", utterance=1)]
    assert all(map(is_result, [*waiting, Notice(code="c", message="m", utterance=1, language="es")]))
    preview = translation(1).model_copy(update={"is_final": False})
    others: list[Message] = [
        partial(1, "", ""),
        SpeechStarted(utterance=1, start_ms=0),
        preview,
        Notice(code="c", message="m"),
    ]
    assert not any(map(is_result, others))
    assert not FinalOrder(2).add(0, partial(1, "", ""))


def test_a_final_waits_while_another_channel_may_have_an_earlier_one() -> None:
    order, late = FinalOrder(2), final(1, start_ms=2_000)
    assert order.add(0, late)
    assert popped(order, [5_000, 1_999]) == []
    assert popped(order, [5_000, 2_000]) == [(0, late)]
    assert order.count == 0


def test_an_earlier_final_of_another_channel_comes_first() -> None:
    order, late, early = FinalOrder(2), final(1, start_ms=2_000), final(1, start_ms=500)
    order.add(0, late)
    order.add(1, early)
    assert popped(order, [5_000, 500]) == [(1, early)], "the other channel is still at the start of its next utterance"
    assert popped(order, [5_000, 9_000]) == [(0, late)]


def test_a_translation_and_an_error_follow_the_final_before_them() -> None:
    order, error = FinalOrder(2), Error(code="c", message="m", utterance=2)
    events = [final(1, start_ms=2_000), translation(1), error, final(3, start_ms=4_000)]
    for event in events:
        order.add(0, event)
    assert popped(order, [9_000, 0]) == []
    assert popped(order, [9_000, 3_000]) == [(0, event) for event in events[:3]]
    assert order.count == 1


def test_merged_speakers_come_before_the_final_that_showed_it_and_after_earlier_ones() -> None:
    order, merged = FinalOrder(2), SpeakersMerged(speaker="A", merged="B")
    events = [final(1, start_ms=2_000), merged, final(2, start_ms=4_000)]
    assert [order.add(0, event) for event in events] == [True] * 3
    assert popped(order, [9_000, 0]) == []
    assert popped(order, [9_000, 2_000]) == [(0, event) for event in events[:2]]


def test_channels_that_hold_the_next_result_back_are_known() -> None:
    order = FinalOrder(3)
    assert order.blocking([0, 0, 0]) == []
    order.add(0, final(1, start_ms=2_000))
    assert order.blocking([0, 1_999, 2_000]) == [1]
    assert order.blocking([0, 2_000, 500]) == [2]
    order.add(1, final(1, start_ms=1_000))
    assert order.blocking([0, 0, 500]) == [2], "the second channel has its result already"


@dataclass
class SimulatedChannel:
    """A channel whose finals arrive in order, some time after their utterance has ended."""

    # Start and end of each utterance, and the time of its final.
    utterances: list[tuple[int, int, int]]
    sent: list[Final] = field(default_factory=list)

    def arrived(self, now: int) -> list[Final]:
        new = [u for u in self.utterances[len(self.sent) :] if u[2] <= now]
        finals = [final(len(self.sent) + n, start_ms=start, end_ms=end) for n, (start, end, _) in enumerate(new, 1)]
        self.sent += finals
        return finals

    def frontier(self, now: int) -> int:
        """The start of the first utterance without a final that has begun, otherwise the present."""
        return next((start for start, _, _ in self.utterances[len(self.sent) :] if start <= now), now)


@st.composite
def channels(draw: st.DrawFn) -> SimulatedChannel:
    utterances, now, arrival = [], 0, 0
    for _ in range(draw(st.integers(0, 6))):
        start = now + draw(st.integers(0, 40))
        now = start + draw(st.integers(1, 30))
        arrival = max(arrival, now + draw(st.integers(0, 60)))
        utterances.append((start, now, arrival))
    return SimulatedChannel(utterances)


@given(st.lists(channels(), min_size=1, max_size=4))
def test_starts_never_decrease_and_nothing_is_lost(simulated: list[SimulatedChannel]) -> None:
    order, taken = FinalOrder(len(simulated)), list[tuple[int, Message]]()
    for now in range(600):
        for number, channel in enumerate(simulated):
            for event in channel.arrived(now):
                order.add(number, event)
        taken += popped(order, [channel.frontier(now) for channel in simulated])
    assert order.count == 0
    starts = [event.start_ms for _, event in taken if isinstance(event, Final)]
    assert starts == sorted(starts)
    for number, channel in enumerate(simulated):
        assert [event for at, event in taken if at == number] == channel.sent
        assert len(channel.sent) == len(channel.utterances)
