"""The languages into which a published session is translated."""

from gateway.rooms.languages import contains_language, with_read_languages


def test_languages_that_are_read_follow_those_of_the_speaker() -> None:
    assert with_read_languages(["fr"], {"es", "de"}, 8) == ("fr", "de", "es")


def test_codes_of_one_language_count_once() -> None:
    assert with_read_languages(["spa_Latn"], {"es", "es-MX", "pt"}, 8) == ("spa_Latn", "pt")
    assert with_read_languages(["zh-TW"], {"zh"}, 8) == ("zh-TW", "zh")


def test_the_limit_keeps_the_languages_of_the_speaker() -> None:
    assert with_read_languages(["fr", "it"], {"de", "es"}, 3) == ("fr", "it", "de")


def test_unknown_codes_are_compared_as_they_are() -> None:
    assert contains_language(["xx-unknown"], "xx-unknown")
    assert not contains_language(["xx-unknown"], "es")
