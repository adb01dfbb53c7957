"""How recordings are translated into English, by what the workers announce."""

import pytest

from backend.messages.served_languages import ServedLanguages, ServedPairs
from gateway.apis.errors import InvalidRequestError
from gateway.apis.openai.translations import (
    BY_SPEECH_MODEL,
    BY_WORKERS,
    UntranslatedError,
    check_any_translates,
    check_translatable,
    translation_ways,
)
from tests.testkit.streams.jobs import final

CHINESE = (ServedPairs.with_scripts(["zho_Hans", "zho_Hant"], ["eng_Latn"]),)
FROM_ENGLISH = (ServedPairs.with_scripts(["eng_Latn"], ["zho_Hans"]),)
NO_WORKER = {"pairs": None, "translators": False}
ONE_PAIR = {"pairs": CHINESE, "translators": True}


@pytest.mark.parametrize(
    ("languages", "workers", "english", "ways"),
    [
        ([], ONE_PAIR, True, [BY_WORKERS, BY_SPEECH_MODEL]),
        (["zh-TW"], ONE_PAIR, True, [BY_WORKERS, BY_SPEECH_MODEL]),
        (["zh"], ONE_PAIR, False, [BY_WORKERS]),
        ([], ONE_PAIR, False, [BY_WORKERS]),
        (["fr"], ONE_PAIR, True, [BY_SPEECH_MODEL]),
        (["fr", "zh"], ONE_PAIR, True, [BY_WORKERS, BY_SPEECH_MODEL]),
        ([], NO_WORKER, True, [BY_SPEECH_MODEL]),
        ([], {"pairs": FROM_ENGLISH, "translators": True}, True, [BY_SPEECH_MODEL]),
        # Nothing is known yet, or the workers are of an earlier release.
        ([], {"pairs": None, "translators": None}, None, [BY_WORKERS]),
        ([], {"pairs": None, "translators": True}, False, [BY_WORKERS]),
    ],
)
def test_translation_workers_come_before_the_speech_model(
    languages: list[str], workers: dict[str, object], english: bool | None, ways: list[object]
) -> None:
    served = ServedLanguages(english=english, **workers)  # type: ignore[arg-type]
    assert translation_ways(languages, served) == ways


@pytest.mark.parametrize(("languages", "workers"), [([], NO_WORKER), (["fr"], NO_WORKER), (["fr"], ONE_PAIR)])
@pytest.mark.parametrize("english", [False, None])
def test_without_a_worker_and_an_able_model_a_translation_is_refused(
    languages: list[str], workers: dict[str, object], english: bool | None
) -> None:
    served = ServedLanguages(english=english, **workers)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError) as refused:
        translation_ways(languages, served)
    assert refused.value.code == "translation_unavailable"


def test_a_recording_that_nothing_translates_is_refused_before_it_is_received() -> None:
    with pytest.raises(InvalidRequestError):
        check_any_translates(ServedLanguages(translators=False, english=False))
    for served in (ServedLanguages(), ServedLanguages(translators=True), ServedLanguages(english=True)):
        check_any_translates(served)


def test_the_first_text_in_another_language_ends_the_attempt() -> None:
    served = ServedLanguages(pairs=CHINESE, translators=True)
    for language, text in (("zh", "\u65e9"), ("en", "Hello"), ("fr", "")):
        check_translatable(final(1, text, language=language), served)
    with pytest.raises(UntranslatedError) as refused:
        check_translatable(final(1, "Bonjour", language="fr"), served)
    assert refused.value.code == "translation_unavailable"
