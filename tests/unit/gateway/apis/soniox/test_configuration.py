"""The configuration of a Soniox session."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from gateway.apis.soniox.configuration import SonioxConfiguration

RAW = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


def parse(**fields: Any) -> SonioxConfiguration:
    return SonioxConfiguration.parse(json.dumps({**RAW, **fields}))


def test_the_defaults() -> None:
    configuration = SonioxConfiguration.parse('{"model": "stt-rt-v5", "language_hints": null}')
    assert configuration.audio is None
    assert not configuration.end_tokens
    assert not configuration.language_shown
    options = configuration.options()
    assert (options["language"], options["endpoint_ms"], options["translate_to"]) == ("auto", 800, ())
    assert options["partials"]


def test_terms_become_hotwords_and_text_becomes_the_prompt() -> None:
    context = {"general": [{"key": "topic", "value": "cars"}], "text": "About cars.", "terms": ["Nova", "gRPC"]}
    options = parse(context=context).options()
    assert (options["hotwords"], options["prompt"]) == ("Nova, gRPC", "About cars.")
    assert parse(context="About cars.").options()["prompt"] == "About cars."


@pytest.mark.parametrize(
    ("hints", "language", "languages"),
    [([], "auto", ()), (["de"], "de", ()), (["de", "en", "de"], "auto", ("de", "en")), (["en"] * 20, "auto", ())],
)
def test_hints_are_the_languages_to_choose_from(hints: list[str], language: str, languages: tuple[str, ...]) -> None:
    options = parse(language_hints=hints, language_hints_strict=True).options()
    assert (options["language"], options["languages"]) == (language, languages)


@pytest.mark.parametrize(("reference", "correlation_id"), [("call-123", "call-123"), ("with spaces", ""), ("", "")])
def test_a_reference_is_the_id_in_the_log(reference: str, correlation_id: str) -> None:
    assert parse(client_reference_id=reference).options()["correlation_id"] == correlation_id


@pytest.mark.parametrize(("spoken", "target"), [("en", "es-MX"), ("es", "en"), ("de", None), ("en-US", "es-MX")])
def test_two_way_translation_has_a_target_for_each_language(spoken: str, target: str | None) -> None:
    translation = parse(translation={"type": "two_way", "language_a": "en", "language_b": "es-MX"}).translation
    assert translation is not None
    assert translation.targets == ("en", "es-MX")
    assert translation.target_of(spoken) == target


@pytest.mark.parametrize(
    "fields",
    [
        {"audio_format": "mp3"},
        {"audio_format": "pcm_s24le"},
        {"audio_format": 5},
        {"sample_rate": None},
        {"sample_rate": "16000"},
        {"sample_rate": 96_000},
        {"num_channels": 3},
        {"num_channels": True},
        {"language_hints": "en"},
        {"language_hints": ["klingon"]},
        {"enable_speaker_diarization": "yes"},
        {"enable_endpoint_detection": "yes"},
        {"max_endpoint_delay_ms": 100},
        {"translation": {"type": "one_way"}},
        {"translation": {"type": "one_way", "target_language": "klingon"}},
        {"translation": {"type": "two_way", "language_a": "en"}},
        {"translation": {"type": "two_way", "language_a": "en-US", "language_b": "en-GB"}},
        {"translation": "fr"},
        {"context": 5},
        {"context": {"terms": "Nova"}},
        {"context": {"translation_terms": [{"source": "a", "target": "b"}]}},
        {"client_reference_id": "x" * 257},
        {"api_key": 5},
    ],
)
def test_what_cannot_be_honoured_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(**fields)
    assert caught.value.fatal


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_speaker_diarization": False},
        {"endpoint_sensitivity": 0.5, "endpoint_latency_adjustment_level": 2},
        {"max_non_final_tokens_duration_ms": 1_000},
        {"context": {"translation_terms": []}},
        {"unknown": [1]},
    ],
)
def test_other_fields_have_no_effect(fields: dict[str, Any]) -> None:
    assert parse(**fields) == parse()


NAMES = ["audio_format", "sample_rate", "language_hints", "context", "translation", "max_endpoint_delay_ms", "api_key"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("type"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON) | JSON)
def test_any_configuration_is_parsed_or_refused(given_: Any) -> None:
    fields = {**RAW, **given_} if isinstance(given_, dict) else given_
    try:
        options = SonioxConfiguration.parse(json.dumps(fields)).options()
    except ProtocolError:
        return
    assert 500 <= options["endpoint_ms"] <= 3_000
