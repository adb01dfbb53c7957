"""The query parameters of Deepgram's API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.errors import InvalidRequestError


def parse(**query: str) -> ListenParameters:
    return ListenParameters.parse({name: [value] for name, value in query.items()})


def test_the_defaults_are_those_of_deepgram() -> None:
    parameters = parse()
    assert parameters.audio is None
    assert (parameters.languages, parameters.interim_results, parameters.endpointing) == (("en",), False, True)
    assert parameters.endpoint_ms == 200, "Deepgram's 10 ms is below our minimum"


def test_keyterms_and_keywords_become_hotwords() -> None:
    query = {"keyterm": ["Nova Voice", "gRPC"], "keywords": ["Kubernetes:2"]}
    assert ListenParameters.parse(query).hotwords == "Nova Voice, gRPC, Kubernetes"


@pytest.mark.parametrize("query", [{"language": "multi"}, {"detect_language": "true"}])
def test_the_language_can_be_detected(query: dict[str, str]) -> None:
    assert parse(**query).options()["language"] == "auto"


@pytest.mark.parametrize(
    "query",
    [
        {"encoding": "mp4"},
        {"encoding": "linear16"},
        {"encoding": "linear16", "sample_rate": "fast"},
        {"encoding": "linear16", "sample_rate": "96000"},
        {"encoding": "linear16", "sample_rate": "16000", "channels": "6"},
        {"endpointing": "soon"},
        {"utterance_end_ms": "500"},
        {"language": "klingon"},
        {"diarize_model": "latest"},
        {"multichannel": "true"},
        {"callback": "http://example.com"},
        {"redact": "pci"},
    ],
)
def test_a_parameter_that_cannot_be_honoured_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(**query)
    assert caught.value.status == 400
    assert caught.value.param in query or caught.value.param == "sample_rate"


def test_speakers_are_labelled_on_request() -> None:
    assert parse(diarize="true").options()["speakers"] is True
    assert parse().options()["speakers"] is False


@pytest.mark.parametrize("name", ["diarize", "multichannel", "redact"])
def test_asking_for_nothing_is_accepted(name: str) -> None:
    parse(**{name: "false"})


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=10), max_size=3), max_size=5))
def test_any_query_is_parsed_or_refused(query: dict[str, list[str]]) -> None:
    try:
        parameters = ListenParameters.parse(query)
    except InvalidRequestError:
        return
    assert 200 <= parameters.endpoint_ms <= 5_000
