"""Fields that a client may leave out of the configuration of a Realtime session, and fields that it may not."""

from typing import Any

import pytest

from gateway.apis.openai.realtime_session import InvalidFieldError, TranscriptionSession, default_turn_detection


def _session(transcription: dict[str, Any], **given: Any) -> TranscriptionSession:
    new = TranscriptionSession(turn_detection=default_turn_detection(""))
    return new.updated({"type": "transcription", "audio": {"input": {"transcription": transcription, **given}}})


@pytest.mark.parametrize("model", ["gpt-live-transcribe", "gpt-realtime-whisper"])
def test_clients_of_models_without_turn_detection_commit_their_audio(model: str) -> None:
    assert _session({"model": model}).turn_detection is None
    assert not _session({"model": model}).options()["endpointing"]


def test_a_chosen_turn_detection_has_precedence_over_the_model() -> None:
    session = _session({"model": "gpt-live-transcribe"}, turn_detection={"type": "server_vad"})
    assert session.options()["endpointing"]


def test_a_chosen_turn_detection_stays_when_the_model_changes() -> None:
    session = _session({"model": "whisper-1"}, turn_detection={"type": "server_vad", "silence_duration_ms": 900})
    change = {"audio": {"input": {"transcription": {"model": "gpt-live-transcribe"}}}}
    assert session.updated(change).options()["endpoint_ms"] == 900


@pytest.mark.parametrize(("eagerness", "longest_ms"), [("low", 8_000), ("auto", 4_000), ("high", 2_000)])
def test_semantic_vad_asks_for_judged_turns(eagerness: str, longest_ms: int) -> None:
    options = _session({}, turn_detection={"type": "semantic_vad", "eagerness": eagerness}).options()
    assert options["turn_threshold"] == 0.7
    assert options["turn_max_ms"] == longest_ms
    assert options["endpoint_ms"] < longest_ms, "where no worker judges turns"


def test_leaving_semantic_vad_ends_the_judgement_of_turns() -> None:
    session = _session({}, turn_detection={"type": "semantic_vad"})
    change = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    assert session.updated(change).options()["turn_threshold"] == 0.0


@pytest.mark.parametrize(
    ("transcription", "language", "languages"),
    [
        ({"languages": ["de"]}, "de", ()),
        ({"languages": ["de", "fr"]}, "auto", ("de", "fr")),
        ({"languages": []}, "auto", ()),
        ({"language": "de"}, "de", ()),
        ({"language": "de", "languages": None}, "de", ()),
        ({"language": None}, "auto", ()),
    ],
)
def test_the_only_possible_language_is_spoken_and_one_of_several_is_detected(
    transcription: dict[str, Any], language: str, languages: tuple[str, ...]
) -> None:
    options = _session(transcription).options()
    assert (options["language"], options["languages"]) == (language, languages)


def test_a_session_shows_the_languages_to_choose_from() -> None:
    shown = _session({"languages": ["de", "fr"]}).as_json("s")["audio"]["input"]["transcription"]
    assert (shown["language"], shown["languages"]) == (None, ["de", "fr"])


def test_languages_must_be_strings() -> None:
    with pytest.raises(InvalidFieldError, match="array of strings"):
        _session({"languages": "de"})
