"""The parameters of Deepgram's Flux API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.apis.errors import InvalidRequestError


def parse(**query: str) -> FluxParameters:
    return FluxParameters.parse({"model": ["flux-general-en"], **{name: [value] for name, value in query.items()}})


def test_the_defaults_are_those_of_deepgram() -> None:
    parameters = parse()
    assert parameters.audio is None
    assert (parameters.threshold, parameters.eager_threshold, parameters.timeout_ms) == (0.7, None, 5_000)
    assert (parameters.endpoint_ms, parameters.early_final_ms, parameters.trigger) == (700, 0, "model")


def test_confidence_is_silence() -> None:
    parameters = parse(eot_threshold="0.9", eager_eot_threshold="0.3")
    assert (parameters.endpoint_ms, parameters.early_final_ms) == (900, 300)
    assert parse(eot_timeout_ms="500").endpoint_ms == 500


@pytest.mark.parametrize(
    ("query", "language", "languages"),
    [
        ({}, "en", ()),
        ({"model": "flux-general-multi"}, "auto", ()),
        ({"model": "flux-general-multi", "language_hint": "de"}, "de", ()),
    ],
)
def test_the_model_decides_about_the_language(query: dict[str, str], language: str, languages: tuple[str, ...]) -> None:
    options = parse(**query).options()
    assert (options["language"], options["languages"]) == (language, languages)


@pytest.mark.parametrize(
    "query",
    [
        {"model": ""},
        {"encoding": "linear32", "sample_rate": "16000"},
        {"encoding": "opus", "sample_rate": "16000"},
        {"encoding": "linear16"},
        {"eot_threshold": "0.4"},
        {"eot_threshold": "nan"},
        {"eager_eot_threshold": "0.8", "eot_threshold": "0.7"},
        {"eot_timeout_ms": "100"},
        {"language_hint": "de"},
        {"model": "flux-general-multi", "language_hint": "klingon"},
        {"redact": "numbers"},
    ],
)
def test_a_parameter_that_cannot_be_honoured_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(**query)
    assert (caught.value.status, caught.value.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("name", ["tag", "mip_opt_out", "unknown"])
def test_other_parameters_have_no_effect(name: str) -> None:
    assert parse(**{name: "true"}) == parse()


NAMES = st.sampled_from(["model", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "language_hint", "keyterm"])


@given(st.dictionaries(NAMES, st.lists(st.text(max_size=10) | st.floats().map(str), max_size=3), max_size=6))
def test_any_query_is_parsed_or_refused(query: dict[str, list[str]]) -> None:
    try:
        parameters = FluxParameters.parse(query)
    except InvalidRequestError:
        return
    assert 200 <= parameters.endpoint_ms <= 1_000


def test_texts_are_formatted_as_the_client_asks() -> None:
    parameters = FluxParameters.parse({"model": ["flux-general-en"], "profanity_filter": ["true"]})
    assert parameters.options()["formatting"] == ("profanity",)
    changed = parameters.configured({"numerals": True, "profanity_filter": False})
    assert changed.options()["formatting"] == ("numerals",)
    assert changed.configured({}).options()["formatting"] == ("numerals",)
