"""Caption metrics are computed from the events that are sent."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from backend.messages.protocol import Final, Message, Partial, SpeechStarted
from backend.text.edits import erased
from gateway.connection.observers.caption_metrics import CaptionMetrics
from gateway.session.actions import SendEvent

FIRST = "nova_gateway_first_partial_seconds_"
NAMES = ("nova_gateway_shown_words_total", "nova_gateway_erased_words_total", f"{FIRST}count", f"{FIRST}sum")


def partial(text: str, revision: int = 1) -> Partial:
    return Partial(
        utterance=1, revision=revision, committed="", tentative=text, language="en", start_ms=0, end_ms=1_000
    )


def final(text: str) -> Final:
    return Final(utterance=1, text=text, language="en", confidence=0.9, start_ms=0, end_ms=1_000)


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
    events = (SpeechStarted(utterance=1, start_ms=0), partial("good"), partial("Good morning,"), final("Good morning."))
    assert counted(*events) == [2, 0, 1, 1]


def test_a_replaced_word_counts_with_all_words_after_it() -> None:
    events = partial("good morning to you"), partial("good mourning to you"), final("good evening")
    assert counted(*events)[:2] == [2, 3 + 3]


@given(st.lists(st.sampled_from(["so", "So,", "don't", "do", "not", "two", "2", "…"]), max_size=8), st.data())
def test_skipping_the_unchanged_prefix_gives_the_same_count(before: list[str], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(before)))
    after = [*before[:kept], *data.draw(st.lists(st.sampled_from(["so", "not", "no", "2"]), max_size=4))]
    texts = " ".join(before), " ".join(after)
    assert counted(*map(partial, texts))[1] == erased(*texts)


def test_the_first_partial_with_text_is_measured_once() -> None:
    events = (SpeechStarted(utterance=1, start_ms=0), partial(""), partial("good"), partial("good morning"))
    assert counted(*events)[2:] == [1, 2]


def test_a_final_without_partials_counts_no_words() -> None:
    assert counted(SpeechStarted(utterance=1, start_ms=0), final("good morning")) == [0, 0, 0, 0]
