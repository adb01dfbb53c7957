"""Invalid messages are described in the words of the protocol."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from backend.errors import ProtocolError
from backend.messages.options import AudioFormat, Message
from backend.messages.protocol import Configure, Start, parse_client
from backend.messages.validation import describe_first_problem

ENCODINGS = "'pcm_s16le', 'pcm_f32le', 'mulaw', 'alaw', 'webm' or 'ogg'"
PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"translate_to": "es"}, "translate_to must be a list of language codes"),
    ({"translate_to": [1]}, "translate_to must be a list of language codes"),
    ({"languages": {"en": 1}}, "languages must be a list of language codes"),
    ({"languages": ["en"] * 20}, "languages may have at most 16 entries"),
    ({"language": ["en"]}, "language must be a string"),
    ({"audio": "pcm_s16le"}, "audio must be an object"),
    ({"audio": {"encoding": "mp3"}}, f"audio.encoding must be {ENCODINGS}"),
    ({"audio": {"sample_rate": "high"}}, "audio.sample_rate must be a whole number"),
    ({"endpoint_ms": 100}, "endpoint_ms must be at least 200"),
    ({"endpoint_ms": 10_000}, "endpoint_ms must be at most 5000"),
    ({"endpoint_ms": 300.5}, "endpoint_ms must be a whole number"),
    ({"endpoint_ms": None}, "endpoint_ms must be a whole number"),
    ({"audio_from_ms": "9" * 5_000}, "audio_from_ms must be a whole number of fewer digits"),
    ({"turn_threshold": []}, "turn_threshold must be a number"),
    ({"turn_threshold": "high"}, "turn_threshold must be a number"),
    ({"partials": "maybe"}, "partials must be true or false"),
    ({"words": []}, "words must be true or false"),
    (
        {"known_speakers": ["1"]},
        "known_speakers is invalid: a name must not be a number, because numbers are the labels of other speakers",
    ),
    ({"priority": "high"}, "priority must be 'live' or 'recording'"),
    ({"prompt": "x" * 3_000}, "prompt may have at most 2000 characters"),
    ({"correlation_id": "a b"}, "correlation_id must match the pattern ^[A-Za-z0-9._:-]*$"),
]


@pytest.mark.parametrize(("fields", "said"), PROBLEMS, ids=[said for _, said in PROBLEMS])
def test_a_problem_is_one_sentence_without_words_of_python(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_client(json.dumps({"type": "start", **fields}))
    assert refused.value.message == f"start: {said}"
    assert (refused.value.code, refused.value.fatal) == ("invalid_message", False)


def refusal(message: dict[str, Any]) -> str:
    """The answer to an invalid message, or ""."""
    try:
        parse_client(json.dumps(message))
    except ProtocolError as refused:
        return refused.message
    return ""


FIELDS = [
    *((Start, (name,)) for name in Start.model_fields if name != "type"),
    *((Start, ("audio", name)) for name in AudioFormat.model_fields),
    *((Configure, (name,)) for name in Configure.model_fields if name != "type"),
]
WRONG: list[Any] = [None, True, -1, 1.5, 1e300, "9" * 5_000, "odd", "x" * 20_000, [], [1], ["en"] * 20, {}]


@pytest.mark.parametrize(("model", "path"), FIELDS, ids=[f"{model.__name__}-{path[-1]}" for model, path in FIELDS])
def test_each_field_is_described_in_the_words_of_the_protocol(model: type[Message], path: tuple[str, ...]) -> None:
    kind, *groups = model.model_fields["type"].default, *path[:-1]
    said = []
    for wrong in WRONG:
        fields: dict[str, Any] = {path[-1]: wrong}
        for group in groups:
            fields = {group: fields}
        said.append(refusal({"type": kind, **fields}))
    assert any(said), "no value was refused"
    assert not [each for each in said if "is invalid:" in each]


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ProtocolError, match=r"^resume: session is required$"):
        parse_client('{"type": "resume", "token": "t"}')


def test_other_problems_keep_the_description_of_the_library() -> None:
    details: list[Any] = [{"type": "set_type", "loc": ("start", "x"), "input": 1}]
    error = ValidationError.from_exception_data("Start", details)
    assert describe_first_problem(error) == "x is invalid: Input should be a valid set"
