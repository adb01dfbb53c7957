"""The schema and the languages of the page match the messages."""

import json
from pathlib import Path

import pytest

from backend.messages import languages
from backend.messages.protocol import Error, Final, Stop, to_json
from backend.messages.schema import protocol_schema, protocol_schema_json
from gateway.audio.level_monitor import MESSAGES

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "reference" / "protocol.schema.json"
LANGUAGES = ROOT / "frontend" / "src" / "settings" / "languages.json"


def required(message: str) -> set[str]:
    return set(protocol_schema()["$defs"][message].get("required", ()))


def test_the_committed_schema_is_up_to_date() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == protocol_schema_json(), "stale: run `npm run types` in frontend/"


def test_every_message_is_identified_by_its_type() -> None:
    definitions = protocol_schema()["$defs"]
    for union in ("ClientMessage", "ServerMessage"):
        names = [member["$ref"].rpartition("/")[2] for member in definitions[union]["oneOf"]]
        tags = [definitions[name]["properties"]["type"]["const"] for name in names]
        assert len(tags) == len(set(tags)) > 0
        assert all("type" in definitions[name]["required"] for name in names)


def test_clients_may_omit_fields_with_defaults() -> None:
    assert required("Start") == {"type"}


def test_servers_omit_only_null_fields() -> None:
    error = Error(code="overloaded", message="try again")
    final = Final(utterance=1, text="Hello.", language="en", confidence=0.9, start_ms=0, end_ms=700)
    assert set(json.loads(to_json(error))) == required("Error")
    assert set(json.loads(to_json(final))) == required("Final")
    assert set(json.loads(to_json(Stop()))) == required("Stop")


def test_every_language_offered_by_the_page_is_supported() -> None:
    offered = json.loads(LANGUAGES.read_text(encoding="utf-8"))
    assert {languages.whisper_code(code) for code in offered["spoken"]} == {
        language.whisper for language in languages.LANGUAGES if language.whisper
    }
    written = [(languages.flores_code(code), languages.script(code)) for code in offered["written"]]
    assert len(written) == len(set(written)) > 100


@pytest.mark.parametrize("locale", ["ar", "de", "en", "es", "fr", "ja", "pt", "zh"])
def test_the_page_has_a_text_of_its_own_for_each_notice_about_the_level(locale: str) -> None:
    texts = (ROOT / "frontend" / "src" / "i18n" / f"{locale}.ts").read_text()
    reference = (ROOT / "docs" / "reference" / "protocol.md").read_text()
    assert MESSAGES.keys() == {"low_level", "clipped", "no_sound", "level_normal"}
    for code in MESSAGES:
        assert f"`{code}`" in reference
        assert (f"{code}:" in texts) == (code != "level_normal"), "the page removes the notice then"
