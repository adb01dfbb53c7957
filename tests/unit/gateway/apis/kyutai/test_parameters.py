"""The query parameters."""

import pytest

from gateway.apis.errors import InvalidRequestError
from gateway.apis.kyutai.parameters import RAW, KyutaiParameters


def test_without_parameters_the_audio_is_that_of_kyutai_s_clients() -> None:
    parameters = KyutaiParameters.parse({"auth_id": "public_token"})
    assert parameters == KyutaiParameters()
    assert (parameters.audio.encoding, parameters.audio.sample_rate, parameters.is_packed) == (
        "pcm_f32le",
        24_000,
        True,
    )


def test_the_options_of_a_session() -> None:
    query = {"language": "fr", "hotwords": "Kyutai", "prompt": "Bonjour.", "endpoint_ms": "400"}
    options = KyutaiParameters.parse(query).options()
    assert {name: options[name] for name in ("language", "hotwords", "prompt", "endpoint_ms", "finals")} == {
        "language": "fr",
        "hotwords": "Kyutai",
        "prompt": "Bonjour.",
        "endpoint_ms": 400,
        "finals": "stable",
    }


@pytest.mark.parametrize(
    ("name", "encoding", "is_packed"),
    [("Pcm", "pcm_s16le", False), ("OggOpus", "ogg", False), ("OggOpusMessagePack", "ogg", True)],
)
def test_the_formats(name: str, encoding: str, is_packed: bool) -> None:
    parameters = KyutaiParameters.parse({"format": name})
    assert (parameters.audio.encoding, parameters.is_packed) == (encoding, is_packed)


def test_an_address_has_its_own_default() -> None:
    assert KyutaiParameters.parse({}, RAW).format == RAW


@pytest.mark.parametrize(
    "query",
    [
        {"format": "wav"},
        {"language": "xx"},
        {"endpoint_ms": "-1"},
        {"endpoint_ms": "0.5"},
        {"endpoint_ms": "9" * 5_000},
        {"endpoint_ms": "000000600" + "9" * 5_000},
    ],
)
def test_invalid_values_are_refused_by_name(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        KyutaiParameters.parse(query)
    assert refused.value.param in query
    assert refused.value.message.startswith(refused.value.param or "-")
