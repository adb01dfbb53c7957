"""Translations are shown with their utterances, in order."""

from backend.cli.ingest.caption_order import MAX_WAITING, CaptionOrder, StreamCaption
from backend.messages.protocol import Error, Final, Notice, Translation


def final(utterance: int, *targets: str, text: str = "text") -> Final:
    return Final(
        utterance=utterance, text=text, language="en", confidence=1, start_ms=0, end_ms=900, translate_to=targets
    )


def translation(utterance: int, language: str = "es") -> Translation:
    return Translation(utterance=utterance, language=language, text=f"{language} {utterance}", is_final=True)


def shown(captions: list[StreamCaption]) -> list[tuple[int, dict[str, str]]]:
    return [(caption.final.utterance, caption.translations) for caption in captions]


def test_an_utterance_without_translations_is_shown_at_once() -> None:
    assert shown(CaptionOrder().apply_event(final(1))) == [(1, {})]


def test_an_empty_final_is_not_shown() -> None:
    assert CaptionOrder().apply_event(final(1, text="")) == []


def test_translations_that_arrive_in_another_order_wait_for_those_before() -> None:
    order = CaptionOrder()
    assert order.apply_event(final(1, "es")) == order.apply_event(final(2, "es")) == []
    assert order.apply_event(translation(2)) == []
    assert shown(order.apply_event(translation(1))) == [(1, {"es": "es 1"}), (2, {"es": "es 2"})]


def test_a_translation_that_fails_is_not_waited_for() -> None:
    order = CaptionOrder()
    order.apply_event(final(1, "es", "zh"))
    assert order.apply_event(Notice(code="c", message="m", utterance=1, language="es")) == []
    assert shown(order.apply_event(Error(code="c", message="m", utterance=1, language="zh"))) == [(1, {})]


def test_a_translation_that_never_arrives_does_not_hold_back_the_rest() -> None:
    order = CaptionOrder()
    order.apply_event(final(0, "es"))
    numbers = [one.final.utterance for n in range(1, MAX_WAITING + 2) for one in order.apply_event(final(n))]
    assert numbers == list(range(MAX_WAITING + 2))


def test_the_rest_is_shown_at_the_end() -> None:
    order = CaptionOrder()
    order.apply_event(final(1, "es", "zh"))
    order.apply_event(translation(1))
    [rest] = order.flush()
    assert (rest.translations, rest.missing) == ({"es": "es 1"}, {"zh"})
    assert order.flush() == []
