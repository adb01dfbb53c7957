"""The languages of a request."""

import pytest

from gateway.apis.deepgram.parameters import ListenParameters


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ({}, "en"),
        ({"detect_language": ["false"]}, "en"),
        ({"detect_language": ["true"]}, "auto"),
        ({"detect_language": ["es", "de"]}, "auto"),
        ({"language": ["multi"]}, "auto"),
        ({"language": ["pt-BR"]}, "pt-BR"),
    ],
)
def test_the_language_is_detected_if_a_client_wants_it_or_names_several(
    query: dict[str, list[str]], language: str
) -> None:
    assert ListenParameters.parse(query).language == language
