"""Events of utterances in the order of the utterances."""

from backend.messages.protocol import Message, Notice, Partial
from gateway.apis.utterance_order import UtteranceOrder


def partial(utterance: int, text: str) -> Partial:
    return Partial(utterance=utterance, revision=1, committed="", tentative=text, language="en", start_ms=0, end_ms=0)


def end(text: str) -> Notice:
    return Notice(code="end", message=text)


def handled(order: UtteranceOrder, utterance: int, event: Message) -> list[Message]:
    """The events that are due. An `end` settles its utterance."""
    events = []
    for due in order.in_order(utterance, event):
        events.append(due)
        if isinstance(due, Notice):
            order.settle(int(due.message))
    return events


def test_events_of_a_later_utterance_wait_until_the_one_before_is_settled() -> None:
    order = UtteranceOrder()
    order.open(1)
    order.open(2)
    assert order.last == 2
    first, second = partial(1, "a"), partial(2, "b")
    assert handled(order, 1, first) == [first]
    assert handled(order, 2, partial(2, "old")) == []
    assert handled(order, 2, second) == [], "it replaces the partial that waits"
    assert handled(order, 2, end("2")) == []
    assert handled(order, 1, end("1")) == [end("1"), second, end("2")]
    assert order.last is None


def test_events_of_settled_utterances_are_dropped() -> None:
    order = UtteranceOrder()
    order.open(1)
    handled(order, 1, end("1"))
    assert handled(order, 1, partial(1, "late")) == []
    order.open(2)
    assert handled(order, 1, partial(1, "late")) == []
    assert handled(order, 2, partial(2, "a")) == [partial(2, "a")]
