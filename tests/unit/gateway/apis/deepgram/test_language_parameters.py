"""The languages of a request."""

import pytest

from backend.messages.languages import LANGUAGES
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("query", "language", "languages"),
    [
        ({}, "en", ()),
        ({"detect_language": ["false"]}, "en", ()),
        ({"detect_language": ["true"]}, "auto", ()),
        ({"detect_language": ["es", "de"]}, "auto", ("es", "de")),
        ({"detect_language": ["es"]}, "es", ()),
        ({"language": ["multi"]}, "auto", ()),
        ({"detect_language": ["multi", "en"]}, "auto", ()),
        ({"detect_language": [one.whisper for one in LANGUAGES if one.whisper]}, "auto", ()),
        ({"language": ["pt-BR"]}, "pt-BR", ()),
    ],
)
def test_the_language_is_detected_if_a_client_wants_it_among_those_that_it_names(
    query: dict[str, list[str]], language: str, languages: tuple[str, ...]
) -> None:
    options = ListenParameters.parse(query).options()
    assert (options["language"], options["languages"]) == (language, languages)


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(InvalidRequestError):
        ListenParameters.parse({"detect_language": ["es", "xx"]})
