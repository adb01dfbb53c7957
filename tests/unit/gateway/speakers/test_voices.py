"""Enrolled voices in a session: what is refused, what jobs contain, and what the client receives."""

from typing import Any

import pytest

from backend.audio.voice_vectors import encode_vector
from backend.errors import ProtocolError
from backend.messages.jobs import ChannelMessage, PartialResult
from backend.messages.protocol import (
    EnrolmentSample,
    Error,
    Final,
    Partial,
    Resume,
    SpeechIgnored,
    Start,
    Stop,
    Translation,
)
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from backend.messages.voices.profiles import TargetVoice, VoiceProfile
from gateway.session.actions import Action, CloseConnection, SendEvent, StoreVoice, SubmitFinal, SubmitPreview
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from gateway.speakers.voices import SessionVoices
from tests.testkit.streams.voices import spoken_final, voice
from tests.unit.gateway.session.test_session import Stage
from tests.unit.gateway.speakers.test_enrolment import sampled

SERVED = ServedLanguages(voices=True, targets=True)
ENROL = {"enrol": {"name": "Anna", "consent": True}}


def profile(speaker: int, name: str) -> VoiceProfile:
    figures: dict[str, Any] = {"samples": 3, "seconds": 12.0, "similarity": 0.8, "consent": True}
    return VoiceProfile(
        name=name, embedding=encode_vector(voice(speaker)), threshold=0.5, short_threshold=0.45, **figures
    )


class VoiceStage(Stage):
    """A session that names enrolled voices."""

    def __init__(self, voices: SessionVoices, **options: Any) -> None:
        super().__init__(served=SERVED)
        self.session = Session("s", "c", SessionPolicy(), served=lambda: self.served, voices=voices)
        self.actions = []
        self._record(self.session.receive_message(Start(**options), self.now))


def only_anna(**options: Any) -> VoiceStage:
    stage = VoiceStage(SessionVoices(target=profile(7, "Anna")), only_speaker="Anna", **options)
    stage.speak(2)
    return stage


@pytest.mark.parametrize(
    ("code", "served", "options"),
    [
        ("speakers_unavailable", ServedLanguages(voices=False), ENROL),
        ("speakers_unavailable", ServedLanguages(), ENROL),
        ("speakers_unavailable", ServedLanguages(voices=True, targets=False), {"only_speaker": "Anna"}),
        ("no_consent", SERVED, {"enrol": {"name": "Anna"}}),
        ("invalid_message", SERVED, {**ENROL, "only_speaker": "Anna"}),
        ("invalid_message", SERVED, {"known_speakers": ["Anna"]}),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(code: str, served: ServedLanguages, options: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refused:
        Stage(served=served, **options)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["", "7", " Anna", "a/b", "x" * 65, "a\nb", ".", ".."])
def test_a_name_that_cannot_be_a_label_is_invalid(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Start(enrol={"name": name, "consent": True})


def enrolled(*finals: Any) -> Stage:
    stage = Stage(served=SERVED, **ENROL)
    for final in finals:
        stage.speak(2)
        stage.be_silent(1)
        stage.apply(final, f"{final.utterance}-0")
    stage.receive(Stop())
    return stage


def test_three_samples_are_stored_at_the_end() -> None:
    stage = enrolled(*(sampled(n, 7) for n in (1, 2, 3)))
    assert all(submit.job.measure_voice for submit in stage.of(SubmitFinal))
    assert not stage.of(SubmitPreview)
    assert [event.accepted for event in stage.events(EnrolmentSample)] == [True] * 3
    (stored,) = stage.of(StoreVoice)
    assert (stored.profile.name, stored.profile.samples, stored.days) == ("Anna", 3, 365)
    assert all(type(final) is Final for final in stage.events(Final)), "without the voice"


def test_too_few_samples_end_with_an_error() -> None:
    stage = enrolled(sampled(1, 7), sampled(2, 7))
    assert not stage.of(StoreVoice)
    assert [(error.code, error.fatal) for error in stage.events(Error)] == [("enrolment_refused", True)]
    assert stage.of(CloseConnection)


def test_a_resumed_enrolment_reads_its_samples_again() -> None:
    session = Session("s", "c", SessionPolicy(), served=lambda: SERVED)
    session.resume(
        Resume(session="s", token="t", utterance=3, cursor="3-0"), SessionRecord(Start(**ENROL), "c", 1, 4, 3)
    )
    assert session.log_cursor == "0-0"
    actions: list[Action] = []
    for n in (1, 2, 3):
        actions += session.apply_result(ChannelMessage(f"{n}-0", sampled(n, 7)), 0.0)
    assert actions == [], "the client has these finals"
    (stored,) = session.receive_message(Stop(), 0.0)
    assert isinstance(stored, StoreVoice)


def test_enrolled_speakers_have_their_names_and_others_a_number() -> None:
    voices = SessionVoices([profile(7, "Anna"), profile(8, "Ben")])
    stage = VoiceStage(voices, speakers=True, known_speakers=["Anna", "Ben"])
    for number, speaker in enumerate((8, 9, 7, 9, 10), 1):
        stage.apply(spoken_final(number, speaker), f"{number}-0")
    assert [event.speaker for event in stage.events(Final)] == ["Ben", "1", "Anna", "1", "2"]


@pytest.mark.parametrize("seen", [0, 2])
def test_a_resumed_session_keeps_the_names_also_if_the_voices_were_removed(seen: int) -> None:
    stage = VoiceStage(SessionVoices([profile(7, "Anna")]), speakers=True, known_speakers=["Anna"])
    for number in range(1, seen + 1):
        stage.apply(spoken_final(number, 7), f"{number}-0")
    session = Session("s", "c", SessionPolicy(), served=lambda: SERVED)
    session.resume(Resume(session="s", token="t", utterance=seen, cursor=f"{seen}-0"), stage.session.record())
    (action,) = session.apply_result(ChannelMessage("9-0", spoken_final(9, 7)), 0.0)
    assert isinstance(action, SendEvent)
    assert isinstance(action.event, Final)
    assert action.event.speaker == "Anna"


def test_jobs_carry_the_target_and_other_sessions_have_none() -> None:
    stage = only_anna()
    stage.be_silent(1)
    jobs = [submit.job for submit in (*stage.of(SubmitFinal), *stage.of(SubmitPreview))]
    assert {type(job.target) for job in jobs} == {TargetVoice}
    other = Stage(served=SERVED)
    other.speak(2)
    other.be_silent(1)
    assert {submit.job.target for submit in (*other.of(SubmitFinal), *other.of(SubmitPreview))} == {None}


def test_ignored_speech_completes_its_utterance() -> None:
    stage = only_anna()
    stage.be_silent(1)
    ignored = SpeechIgnored(utterance=1, start_ms=0, end_ms=2_000, duration_ms=2_000, reason="other_voice")
    checked = spoken_final(1, 8).model_copy(update={"text": "", "ignored": (ignored,), "target_checked": True})
    stage.apply(checked, "1-0")
    assert stage.events(SpeechIgnored) == [ignored]
    assert [(final.utterance, final.text) for final in stage.events(Final)] == [(1, "")]
    assert stage.session.pending_finals == 0
    assert stage.session.cursor == "1-0"


def test_text_that_no_worker_has_checked_is_not_sent() -> None:
    stage = only_anna(translate_to=["de"])
    stage.be_silent(1)
    stage.apply(spoken_final(1, 7).model_copy(update={"translate_to": ("de",)}), "1-0")
    stage.apply(Translation(utterance=1, language="de", text="Wort", is_final=True), "2-0")
    assert [event.reason for event in stage.events(SpeechIgnored)] == ["not_checked"]
    assert [final.text for final in stage.events(Final)] == [""]
    assert stage.events(Translation) == []


def answered(stage: Stage, text: str, whose: Any) -> None:
    job = stage.of(SubmitPreview)[-1].job
    fields = job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
    stage.apply(PartialResult(committed="", tentative=text, language="en", voice=whose, **fields))


def test_partials_are_sent_once_the_voice_is_the_targets() -> None:
    stage = only_anna()
    answered(stage, "one", "unknown")
    stage.speak(1)
    assert stage.events(Partial) == []
    answered(stage, "one", "target")
    assert [event.tentative for event in stage.events(Partial)] == ["one"]
    stage.speak(1)
    answered(stage, "one two", "other")
    stage.speak(1)
    answered(stage, "one two three", "target")
    assert len(stage.events(Partial)) == 1, "after another voice, the final decides"
