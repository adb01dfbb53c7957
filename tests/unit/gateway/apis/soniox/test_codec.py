"""The codec of Soniox's real-time API, with exchanges in the form of its documentation and SDK."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.protocol import (
    Done,
    Draining,
    Error,
    Final,
    Finalize,
    Keepalive,
    Message,
    Notice,
    Partial,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    Translation,
    Word,
)
from gateway.apis.soniox.codec import SonioxCodec
from gateway.connection.codec import Decoded, DeferredReply

RAW = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
INTO_ENGLISH = {"type": "one_way", "target_language": "en"}
Responses = list[dict[str, Any]]


def configuration(**more: Any) -> str:
    return json.dumps({**RAW, **more})


def opened(**more: Any) -> SonioxCodec:
    codec = SonioxCodec()
    codec.open()
    codec.decode(configuration(**more))
    return codec


def received(codec: SonioxCodec, *events: Message) -> Responses:
    return [json.loads(frame) for event in events for frame in codec.encode(event)]


def answers(decoded: Sequence[Decoded]) -> Responses:
    return [json.loads(frame) for item in decoded if isinstance(item, DeferredReply) for frame in item.build()]


def texts(responses: Responses, *, final: bool = True) -> list[str]:
    return [token["text"] for one in responses for token in one["tokens"] if token["is_final"] is final]


def words(text: str, start_ms: int) -> tuple[Word, ...]:
    return tuple(
        Word(word=f" {word}", start_ms=start_ms + 100 * i, end_ms=start_ms + 100 * i + 90, confidence=0.9)
        for i, word in enumerate(text.split())
    )


def began(utterance: int = 1, start_ms: int = 0) -> SpeechStarted:
    return SpeechStarted(utterance=utterance, start_ms=start_ms)


def shown(text: str, utterance: int = 1, start_ms: int = 0, language: str = "zh") -> Partial:
    fields: dict[str, Any] = {"utterance": utterance, "start_ms": start_ms, "end_ms": start_ms + 800}
    listed = words(text, start_ms)
    return Partial(revision=1, committed="", tentative=text, language=language, words=listed, **fields)


def over(utterance: int = 1, end_ms: int = 1_000) -> SpeechEnded:
    return SpeechEnded(utterance=utterance, end_ms=end_ms)


def spoken(text: str, utterance: int = 1, start_ms: int = 0, language: str = "zh", into: Sequence[str] = ()) -> Final:
    return Final(
        utterance=utterance,
        text=text,
        language=language,
        confidence=0.8,
        start_ms=start_ms,
        end_ms=start_ms + 1_000,
        words=words(text, start_ms) if text else None,
        translate_to=tuple(into),
    )


def translation(text: str, utterance: int = 1, language: str = "en", *, is_final: bool = True) -> Translation:
    return Translation(utterance=utterance, language=language, text=text, is_final=is_final)


def test_the_configuration_starts_a_session() -> None:
    codec = SonioxCodec()
    assert codec.open() == ()
    (start,) = codec.decode(configuration(language_hints=["zh", "en"], translation=INTO_ENGLISH))
    assert isinstance(start, Start)
    assert (start.language, start.languages, start.translate_to) == ("auto", ("zh", "en"), ("en",))
    assert (start.audio.encoding, start.audio.sample_rate, start.words, start.partial_words) == (
        "pcm_s16le",
        16_000,
        True,
        True,
    )
    assert codec.decode(b"\1\2") == (b"\1\2",)


def test_a_container_starts_the_session_with_its_first_bytes() -> None:
    codec = opened(audio_format="auto")
    start, audio = codec.decode(b"OggS....")
    assert isinstance(start, Start)
    assert (start.audio.encoding, audio) == ("ogg", b"OggS....")


def test_a_configuration_that_the_route_has_received_starts_the_session_at_once() -> None:
    codec = SonioxCodec()
    assert codec.configure(configuration(api_key="nova_x")) == "nova_x"
    assert [type(item) for item in codec.open()] == [Start]


def test_tokens_are_final_once_and_with_the_times_of_their_words() -> None:
    codec = opened(enable_endpoint_detection=True, enable_language_identification=True)
    responses = received(codec, began(), shown("ni"), shown("ni hao"), over(), spoken("ni hao"))
    assert texts(responses, final=False) == ["ni", "ni", " hao"]
    assert texts(responses) == ["ni", " hao", "<end>"]
    assert responses[-1]["tokens"][1] == {
        "text": " hao",
        "start_ms": 100,
        "end_ms": 190,
        "confidence": 0.9,
        "is_final": True,
        "language": "zh",
    }
    assert (responses[0]["final_audio_proc_ms"], responses[0]["total_audio_proc_ms"]) == (0, 800)
    assert (responses[-1]["final_audio_proc_ms"], responses[-1]["total_audio_proc_ms"]) == (1_000, 1_000)


def test_utterances_are_one_text() -> None:
    codec = opened()
    first = received(codec, began(), over(), spoken("One."))
    second = received(codec, began(2, 2_000), shown("Two", 2), over(2, 3_000), spoken("Two.", 2, 2_000))
    assert "".join(texts(first + second)) == "One. Two."
    assert texts(second, final=False) == [" Two"]
    chinese = opened()
    assert texts(received(chinese, began(), spoken("你好"), began(2), spoken("再见", 2))) == ["你好", "再见"]


def test_a_token_has_the_fields_that_were_asked_for() -> None:
    (plain,) = received(opened(), began(), spoken("Hello"))
    assert set(plain["tokens"][0]) == {"text", "start_ms", "end_ms", "confidence", "is_final"}
    (response,) = received(opened(enable_non_final_tokens=False), began(), spoken("Hello"))
    assert texts([response]) == ["Hello"], "without endpoint detection, no token marks the end"


def test_a_translation_follows_its_utterance_and_precedes_the_end() -> None:
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    responses = received(codec, began(), shown("ni hao"), translation("Hel", is_final=False), over())
    assert [token["translation_status"] for token in responses[-1]["tokens"]] == ["original", "original", "translation"]
    final = received(codec, spoken("ni hao", into=["en"]))
    assert texts(final) == ["ni", " hao"]
    assert texts(final, final=False) == ["Hel"], "the preview stays until the translation is final"
    (end,) = received(codec, translation("Hello there."))
    assert texts([end]) == ["Hello", " there.", "<end>"]
    assert end["tokens"][0] == {
        "text": "Hello",
        "is_final": True,
        "language": "en",
        "translation_status": "translation",
        "source_language": "zh",
    }


def test_the_next_utterance_waits_for_the_translation_of_the_last_one() -> None:
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    responses = received(codec, began(), over(), spoken("yi", into=["en"]), began(2, 2_000), shown("er", 2, 2_000))
    assert texts(responses) == ["yi"]
    responses = received(codec, translation("One."))
    assert texts(responses) == ["One.", "<end>"]
    assert texts(responses, final=False) == [" er"]


def test_a_transcript_does_not_wait_for_a_slow_translation() -> None:
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    received(codec, began(), over(), spoken("yi", into=["en"]), began(2, 2_000), shown("er", 2, 2_000), over(2))
    second = received(codec, spoken("er", 2, 2_000, into=["en"]))
    assert texts(second) == ["<end>", " er"]
    assert texts(received(codec, translation("One."), translation("Two.", 2))) == ["One.", " Two.", "<end>"]


def test_speech_in_the_target_language_is_not_translated() -> None:
    codec = opened(translation=INTO_ENGLISH)
    (response,) = received(codec, began(), spoken("Hello", language="en", into=["en"]), translation("Hello"))
    assert response["tokens"][0]["translation_status"] == "none"


def test_two_languages_are_translated_into_each_other() -> None:
    codec = opened(translation={"type": "two_way", "language_a": "en", "language_b": "es"})
    first = received(
        codec,
        began(),
        spoken("Hello", language="en", into=["en", "es"]),
        translation("Hello", language="en"),
        translation("Hola", language="es"),
    )
    second = received(
        codec, began(2), spoken("Adios", 2, language="es", into=["en", "es"]), translation("Bye", 2, "en")
    )
    third = received(codec, began(3), spoken("Hallo", 3, language="de", into=["en", "es"]))
    assert texts(first + second + third) == ["Hello", "Hola", " Adios", "Bye", " Hallo"]
    assert third[-1]["tokens"][0]["translation_status"] == "none"


def test_a_translation_that_is_not_served_is_not_awaited() -> None:
    """A notice about a target comes once, although it concerns many utterances."""
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    notice = Notice(code="translation_unavailable", message="no model", utterance=1, language="en")
    assert texts(received(codec, began(), spoken("eins", language="de", into=["en"]), notice)) == ["eins", "<end>"]
    second = received(codec, began(2), spoken("zwei", 2, language="de", into=["en"]))
    assert texts(second) == [" zwei", "<end>"]
    chinese = received(codec, began(3), spoken("san", 3, into=["en"]), translation("Three.", 3))
    assert texts(chinese) == [" san", "<end>", "Three."], "this language is served after all"
    assert texts(received(codec, began(4), spoken("si", 4, into=["en"]))) == [" si"], "and awaited from then on"


def test_every_notice_in_place_of_a_translation_ends_its_utterance() -> None:
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    received(codec, began(), spoken("yi", into=["en"]), translation("One."))
    notices = [Notice(code="x", message="no model", utterance=number, language="en") for number in (2, 3)]
    for number, (text, notice) in enumerate(zip(("er", "san"), notices, strict=True), 2):
        frames = received(codec, began(number), spoken(text, number, into=["en"]), notice)
        assert texts(frames) == [f" {text}", "<end>"]
    assert texts(received(codec, began(4), shown("si", 4)), final=False) == [" si"], "nothing is awaited"


def test_the_end_of_the_session_does_not_wait_for_translations() -> None:
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    received(codec, began(), over(), began(2, 2_000), over(2, 3_000))
    assert texts(received(codec, spoken("er", 2, 2_000), Draining(within_s=5))) == []
    assert texts(received(codec, spoken("yi", into=["en"]))) == ["yi"]
    frames = received(codec, Done())
    assert texts(frames) == ["<end>", " er", "<end>"]
    assert [frame.get("error_code") for frame in frames] == [None, None, 503, None]
    assert frames[-1]["finished"]


@pytest.mark.parametrize("code", ["not_translated", "dead_lettered"])
def test_an_utterance_that_fails_is_no_error_and_the_next_one_follows(code: str) -> None:
    """A client closes its connection after an error."""
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    failed = Error(code=code, message="failed", utterance=1)
    first = () if code == "dead_lettered" else (spoken("yi", into=["en"]),)
    responses = received(codec, began(), shown("x"), over(), *first, began(2, 2_000), failed)
    responses += received(codec, spoken("er", 2, 2_000))
    assert not any("error_code" in response for response in responses)
    assert texts(responses) == (["er", "<end>"] if code == "dead_lettered" else ["yi", "<end>", " er", "<end>"])


def test_noise_has_no_end() -> None:
    codec = opened(enable_endpoint_detection=True)
    assert texts(received(codec, began(), over(), spoken(""))) == []


def test_an_utterance_that_was_cut_for_its_length_has_no_end() -> None:
    codec = opened(enable_endpoint_detection=True)
    events = (began(), over(1, 25_000), began(2, 25_000), spoken("One"), over(2, 27_000), spoken("two.", 2, 25_000))
    assert texts(received(codec, *events)) == ["One", " two.", "<end>"]


def test_a_finalize_is_confirmed_after_the_tokens_of_its_utterance() -> None:
    codec = opened(enable_endpoint_detection=True)
    received(codec, began(), shown("Hello"))
    finalize, *rest = codec.decode('{"type": "finalize", "trailing_silence_ms": 300}')
    assert finalize == Finalize()
    received(codec, over())
    assert answers(rest) == []
    assert texts(received(codec, spoken("Hello."))) == ["Hello.", "<fin>"]


def test_an_utterance_that_ended_before_a_finalize_keeps_its_end() -> None:
    codec = opened(enable_endpoint_detection=True)
    received(codec, began(), over())
    assert answers(codec.decode('{"type": "finalize"}')) == []
    assert texts(received(codec, spoken("Hello."))) == ["Hello.", "<end>", "<fin>"]


def test_a_finalize_without_speech_is_confirmed_at_once() -> None:
    assert texts(answers(opened().decode('{"type": "finalize"}'))) == ["<fin>"]
    assert texts(answers(opened(audio_format="auto").decode('{"type": "finalize"}'))) == ["<fin>"], "before audio"


@pytest.mark.parametrize("end", ["", b""])
def test_an_empty_frame_ends_the_stream(end: str | bytes) -> None:
    codec = opened()
    codec.decode(bytes(64_000))
    assert list(codec.decode(end)) == [Stop()]
    assert list(codec.decode(end)) == []
    assert list(codec.decode(bytes(320))) == [], "audio after the end is dropped"
    (finished,) = received(codec, Done())
    assert finished == {"tokens": [], "final_audio_proc_ms": 2_000, "total_audio_proc_ms": 2_000, "finished": True}


def test_a_stream_without_audio_can_be_ended() -> None:
    assert [type(item) for item in opened(audio_format="auto").decode("")] == [Start, Stop]


def test_keepalives_keep_the_connection() -> None:
    codec = opened()
    assert list(codec.decode('{"type": "keepalive"}')) == [Keepalive()]
    assert codec.idle_timeout_s == 20.0
    codec.decode("")
    assert codec.idle_timeout_s is None


@pytest.mark.parametrize(
    ("code", "number"),
    [("over_quota", 429), ("idle_timeout", 408), ("unauthorized", 401), ("overloaded", 503), ("invalid_message", 400)],
)
def test_errors_have_soniox_form(code: str, number: int) -> None:
    (response,) = received(opened(), Error(code=code, message="reason", fatal=True))
    assert (response["error_code"], response["error_message"], response["tokens"]) == (number, "reason", [])
    assert json.loads(SonioxCodec().refusal(Error(code=code, message="reason", fatal=True)))["error_code"] == number


def test_a_translation_that_no_model_serves_ends_the_session() -> None:
    codec = opened(translation={"type": "one_way", "target_language": "fr"})
    unavailable = Error(code="translation_unavailable", message="no running model translates to French", language="fr")
    assert received(codec, unavailable) == []
    with pytest.raises(ProtocolError, match="French") as caught:
        codec.decode(bytes(320))
    assert caught.value.fatal


def test_a_draining_gateway_asks_for_another_session_once_all_results_are_sent() -> None:
    codec = opened()
    assert received(codec, began(), Draining(within_s=5)) == []
    *tokens, error = received(codec, over(), spoken("One."))
    assert texts(tokens) == ["One."]
    assert error["error_code"] == 503
    assert received(opened(), Draining(within_s=5))[0]["error_code"] == 503


@pytest.mark.parametrize("frame", ["{", "[]", "5", '{"kind": 1}', '{"type": 5}', '{"type": "dance"}', "[" * 9_000])
def test_invalid_messages_end_the_session(frame: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        opened().decode(frame)
    assert caught.value.fatal


# Half of a surrogate pair, which is no text.
SURROGATES = [r'{"api_key": "\ud800"}', r'{"context": {"text": "\udfff"}}', r'{"context": {"terms": ["\ud800"]}}']


@pytest.mark.parametrize("frame", [b"\0\0", "", "{", "[]", *SURROGATES])
def test_the_first_message_is_a_configuration(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        SonioxCodec().decode(frame)


FRAMES = st.binary(max_size=80) | st.sampled_from(['{"type": "keepalive"}', '{"type": "finalize"}', ""])


@given(st.lists(FRAMES, max_size=8), st.sampled_from(["auto", "pcm_s16le"]))
def test_any_frames_start_and_stop_a_session_at_most_once(frames: list[bytes | str], audio_format: str) -> None:
    codec = SonioxCodec()
    decoded = list(codec.decode(configuration(audio_format=audio_format)))
    for frame in frames:
        try:
            decoded += codec.decode(frame)
        except ProtocolError:
            return
    assert answers(decoded) is not None
    kinds = [type(item) for item in decoded]
    assert kinds.count(Start) <= 1
    assert kinds.count(Stop) <= 1
    if Stop in kinds:
        assert Start in kinds[: kinds.index(Stop)]
        assert bytes not in kinds[kinds.index(Stop) :]


STEPS = st.sampled_from(
    ["start", "partial", "preview", "end", "cut", "final", "error", "translation", "notice", "drain"]
)


@given(st.lists(STEPS, max_size=40))
def test_any_session_sends_each_final_word_once_and_in_order(steps: list[str]) -> None:
    """Joined, the final spoken tokens are the finals, whatever happens to the translations."""
    codec = opened(translation=INTO_ENGLISH, enable_endpoint_detection=True)
    responses: Responses = []
    count, is_open = 0, False
    ended, finals, untranslated = list[int](), list[str](), list[int]()
    for number, step in enumerate(steps):
        match step:
            case "start" if not is_open:
                count, is_open = count + 1, True
                responses += received(codec, began(count, 10_000 * count))
            case "partial" if is_open:
                responses += received(codec, shown(f"text {number}", count))
            case "preview" if is_open:
                responses += received(codec, translation(f"text {number}", count, is_final=False))
            case "end" | "cut" if is_open:
                ended.append(count)
                end_ms = 10_000 * count + 1_000
                responses += received(codec, over(count, end_ms))
                is_open = step == "cut"
                if is_open:
                    count += 1
                    responses += received(codec, began(count, end_ms))
            case "final" if ended:
                finals.append(f"final {number}" if number % 5 else "")
                untranslated.append(ended[0])
                responses += received(codec, spoken(finals[-1], ended.pop(0), into=["en"] if finals[-1] else []))
            case "error" if ended:
                responses += received(codec, Error(code="dead_lettered", message="x", utterance=ended.pop(0)))
            case "translation" if untranslated:
                responses += received(codec, translation(f"translated {number}", untranslated.pop()))
            case "notice" if untranslated:
                notice = Notice(code="x", message="x", utterance=untranslated.pop(), language="en")
                responses += received(codec, notice)
            case "drain":
                responses += received(codec, Draining(within_s=5))
    for utterance in untranslated:
        responses += received(codec, translation("rest", utterance))
    tokens = [token for one in responses for token in one["tokens"] if token["is_final"]]
    transcript = "".join(token["text"] for token in tokens if token.get("translation_status") == "original")
    settled = [text for text in finals if text]
    assert " ".join(settled).startswith(transcript)
    if not ended and not is_open:
        assert transcript == " ".join(settled)
