"""Caption metrics are computed from the events that are sent."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from backend.messages.protocol import Message, Partial, SpeechStarted
from backend.text.edits import erased
from gateway.connection.observers.caption_metrics import CaptionMetrics
from gateway.session.actions import SendEvent
from tests.testkit.streams.jobs import final, partial

STARTED = SpeechStarted(utterance=1, start_ms=0)
FIRST = "nova_gateway_first_partial_seconds_"
NAMES = ("nova_gateway_shown_words_total", "nova_gateway_erased_words_total", f"{FIRST}count", f"{FIRST}sum")


def tentative(text: str) -> Partial:
    return partial(1, "", text)


def counted(*events: Message) -> list[float]:
    """Words shown, words erased, first partials and their total delay, for events one second apart."""
    before = [REGISTRY.get_sample_value(name) or 0.0 for name in NAMES]
    now = 0.0
    caption_metrics = CaptionMetrics(clock=lambda: now)
    for event in events:
        caption_metrics.on_action(SendEvent(event))
        now += 1.0
    return [(REGISTRY.get_sample_value(name) or 0.0) - value for name, value in zip(NAMES, before, strict=True)]


def test_appended_words_erase_nothing() -> None:
    events = (STARTED, tentative("good"), tentative("Good morning,"), final(1, "Good morning."))
    assert counted(*events) == [2, 0, 1, 1]


def test_a_replaced_word_counts_with_all_words_after_it() -> None:
    events = tentative("good morning to you"), tentative("good mourning to you"), final(1, "good evening")
    assert counted(*events)[:2] == [2, 3 + 3]


@given(st.lists(st.sampled_from(["so", "So,", "don't", "do", "not", "two", "2", "…"]), max_size=8), st.data())
def test_skipping_the_unchanged_prefix_gives_the_same_count(before: list[str], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(before)))
    after = [*before[:kept], *data.draw(st.lists(st.sampled_from(["so", "not", "no", "2"]), max_size=4))]
    texts = " ".join(before), " ".join(after)
    assert counted(*map(tentative, texts))[1] == erased(*texts)


def test_the_first_partial_with_text_is_measured_once() -> None:
    events = (STARTED, tentative(""), tentative("good"), tentative("good morning"))
    assert counted(*events)[2:] == [1, 2]


def test_a_final_without_partials_counts_no_words() -> None:
    assert counted(STARTED, final(1, "good morning")) == [0, 0, 0, 0]
