"""The query parameters of Deepgram's API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apis.deepgram.parameters import Callback, ListenParameters
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
        {"callback": "ftp://example.com"},
        {"callback": "example.com"},
        {"callback": "http://[example.com"},
        {"callback": "http://example.com", "callback_method": "delete"},
        {"encoding": "linear16", "sample_rate": "16000", "channels": "9", "multichannel": "true"},
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


def test_a_callback_has_an_address_and_a_method() -> None:
    assert parse().callback is None
    assert parse(callback="http://a.example/x").callback == Callback("http://a.example/x", "POST")
    assert parse(callback="https://a.example", callback_method="put").callback == Callback("https://a.example", "PUT")


def test_live_speech_has_no_callback() -> None:
    with pytest.raises(InvalidRequestError, match="recordings only"):
        ListenParameters.parse_live({"callback": ["http://a.example"]})


def test_extra_values_are_pairs() -> None:
    query = {"extra": ["call:7", "url:http://a.example", "flag"]}
    assert ListenParameters.parse(query).extra == {"call": "7", "url": "http://a.example", "flag": ""}


def test_several_channels_are_recognized_separately_or_mixed() -> None:
    raw = {"encoding": "linear16", "sample_rate": "16000"}
    assert not parse(**raw, channels="2").multichannel
    separate = parse(**raw, channels="8", multichannel="true")
    assert separate.multichannel
    assert separate.audio is not None
    assert separate.audio.channels == 8


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


@pytest.mark.parametrize(
    ("query", "formatting"),
    [
        ({}, ()),
        ({"filler_words": ["true"], "punctuate": ["true"], "numerals": ["false"]}, ()),
        ({"filler_words": ["false"]}, ("fillers",)),
        ({"smart_format": ["true"]}, ("numerals",)),
        ({"numerals": ["true"], "profanity_filter": ["true"]}, ("profanity", "numerals")),
    ],
)
def test_texts_are_formatted_only_as_the_client_asks(query: dict[str, list[str]], formatting: tuple[str, ...]) -> None:
    assert ListenParameters.parse(query).options()["formatting"] == formatting
