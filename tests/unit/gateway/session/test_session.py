"""The session machine, driven by windows of zeros whose probabilities simulate speech and silence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.jobs import ChannelMessage, DraftWord, FinalResult, HypothesisWord, PartialResult
from backend.messages.options import Priority
from backend.messages.protocol import (
    Configure,
    Done,
    Error,
    Final,
    Finalize,
    Notice,
    Partial,
    Ready,
    Resume,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
    Translation,
)
from backend.messages.served_languages import ServedLanguages
from backend.messages.session_record import SessionRecord
from gateway.connection.codec import NativeCodec
from gateway.session.actions import (
    Action,
    CloseConnection,
    CloseUtterance,
    SendEvent,
    SubmitFinal,
    SubmitPreview,
    WithdrawEarlyFinal,
)
from gateway.session.backpressure import Backpressure
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final

WINDOW_S = 0.032


class Stage:
    """A session, a clock that follows the audio, and all actions."""

    def __init__(self, *, served: ServedLanguages | None = None, **options: Any) -> None:
        self.served = served or ServedLanguages()
        self.session = Session("s", "c", SessionPolicy(), served=lambda: self.served)
        self.now = 1_000.0
        self.actions: list[Action] = []
        self._record(self.session.receive_message(Start(**options), self.now))

    def feed(self, seconds: float, probability: float) -> list[Action]:
        before = len(self.actions)
        for _ in range(round(seconds / WINDOW_S)):
            self.now += WINDOW_S
            windows = np.zeros((1, 512), np.int16)
            self._record(self.session.receive_audio(windows, np.array([probability], np.float32), self.now))
        return self.actions[before:]

    def speak(self, seconds: float) -> list[Action]:
        return self.feed(seconds, 0.9)

    def be_silent(self, seconds: float) -> list[Action]:
        return self.feed(seconds, 0.0)

    def receive(self, message: Any) -> list[Action]:
        return self._record(self.session.receive_message(message, self.now))

    def apply(self, event: Any, cursor: str | None = None) -> list[Action]:
        return self._record(self.session.apply_result(ChannelMessage(cursor, event), self.now))

    def answer(self, preview: SubmitPreview, committed: str, tentative: str) -> list[Action]:
        job = preview.job
        words = tuple(HypothesisWord(text=word, probability=0.9) for word in tentative.split())
        fields = {**job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"}), "hypothesis": words}
        return self.apply(PartialResult(committed=committed, tentative=tentative, language="en", **fields))

    def final(self, utterance: int, text: str, cursor: str) -> list[Action]:
        targets = self.session.options.translate_to if text else ()
        return self.apply(final(utterance, text, translate_to=targets), cursor)

    def of(self, kind: type[Any]) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]

    def events(self, kind: type[Any]) -> list[Any]:
        return [send.event for send in self.of(SendEvent) if isinstance(send.event, kind)]

    def _record(self, actions: list[Action]) -> list[Action]:
        self.actions += actions
        return actions


def test_start_is_answered_with_ready() -> None:
    (ready,) = Stage().events(Ready)
    assert ready.session == "s"
    assert ready.audio_from_ms == 0


@pytest.mark.parametrize("message", [Stop(), Configure(), Finalize()])
def test_only_start_opens_a_session(message: Any) -> None:
    with pytest.raises(ProtocolError) as refused:
        Session("s", "c", SessionPolicy()).receive_message(message, 0.0)
    assert refused.value.code == "not_started"


@pytest.mark.parametrize("options", [{"language": "tlh"}, {"translate_to": ("xx-nowhere",)}])
def test_an_unsupported_language_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refused:
        Stage(**options)
    assert refused.value.code == "unsupported_language"


GERMAN = ServedLanguages(speech=frozenset({"de", "zh"}), pairs=())


def test_a_language_that_no_worker_recognizes_is_refused_at_start_and_later() -> None:
    with pytest.raises(ProtocolError, match="served are: de, zh"):
        Stage(served=GERMAN, language="fr")
    stage = Stage(served=GERMAN, language="de")
    with pytest.raises(ProtocolError, match="served are: de, zh"):
        stage.receive(Configure(language="fr"))
    assert stage.session.options.language == "de"


def test_a_similar_language_is_used_with_a_notice() -> None:
    stage = Stage(served=GERMAN, language="yue")
    assert [notice.code for notice in stage.events(Notice)] == ["language_substituted"]
    stage.speak(1)
    job = stage.of(SubmitPreview)[-1].job
    assert (job.language, job.expected) == ("zh", ("yue",))


def test_a_pair_that_no_worker_translates_is_reported_once() -> None:
    stage = Stage(served=GERMAN, language="de", translate_to=("es",))
    stage.receive(Configure(words=True))
    stage.apply(Notice(code="translation_unavailable", message="m", utterance=1, language="es"), "1-0")
    assert [(error.code, error.language) for error in stage.events(Error)] == [("translation_unavailable", "es")]
    assert [frame for notice in stage.events(Notice) for frame in NativeCodec().encode(notice)] == []


def test_a_resumed_session_is_not_refused_when_the_workers_have_changed() -> None:
    stage = Stage(served=GERMAN)
    stage.session = Session("s", "c", SessionPolicy(), served=lambda: GERMAN)
    actions = stage.session.resume(Resume(session="s", token="t"), SessionRecord(Start(language="fr"), "c", epoch=1))
    assert [type(action.event) for action in actions if isinstance(action, SendEvent)] == [Ready]


def test_silence_gives_no_actions() -> None:
    stage = Stage()
    assert stage.be_silent(30) == []


def test_an_utterance_is_previewed_decoded_early_and_closed() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    assert [event.utterance for event in stage.events(SpeechStarted)] == [1]
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]
    assert stage.of(SubmitPreview)
    (submit,) = stage.of(SubmitFinal)
    assert submit.early
    assert stage.of(CloseUtterance) == [CloseUtterance(1, submit.job.attempt, submit.job.end_ms)]


def test_the_words_of_the_last_preview_are_the_draft_of_the_next_jobs() -> None:
    stage = Stage(language="en")
    stage.speak(1)
    (preview,) = stage.of(SubmitPreview)
    draft = (DraftWord(text=" word", start=0.3, end=0.6, probability=0.9),)
    fields = preview.job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
    stage.apply(PartialResult(committed="", tentative="word", language="en", draft=draft, **fields))
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.draft == draft
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.draft == draft
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.draft == (), "another utterance"


def test_a_draft_in_another_language_than_the_one_in_force_is_not_used() -> None:
    stage = Stage(language="en")
    stage.speak(1)
    (preview,) = stage.of(SubmitPreview)
    fields = preview.job.model_dump(include={"utterance", "revision", "start_ms", "end_ms"})
    draft = (DraftWord(text=" word", start=0.3, end=0.6, probability=0.9),)
    stage.apply(PartialResult(committed="", tentative="word", language="en", draft=draft, **fields))
    stage.receive(Configure(language="es"))
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.draft == ()


@pytest.mark.parametrize(
    ("probability", "seconds", "used"),
    [(0.9, 2, True), (0.7, 2, False), (0.9, 1, False)],
    ids=["certain", "doubtful", "short"],
)
def test_a_draft_in_a_detected_language_is_used_if_the_language_is_certain(
    probability: float, seconds: float, used: bool
) -> None:
    stage = Stage()
    stage.speak(2)
    preview = stage.of(SubmitPreview)[-1].job
    draft = (DraftWord(text=" word", start=0.3, end=0.6, probability=0.9),)
    fields = preview.model_dump(include={"utterance", "revision", "start_ms"})
    fields |= {"end_ms": preview.start_ms + 1_000 * seconds, "language": "es", "language_probability": probability}
    stage.apply(PartialResult(committed="", tentative="word", draft=draft, **fields))
    stage.be_silent(1)
    job = stage.of(SubmitFinal)[-1].job
    assert (job.draft, job.draft_language) == ((draft, "es") if used else ((), ""))
    assert job.language is None


def test_a_draft_in_a_language_that_is_not_allowed_any_more_is_not_used() -> None:
    stage = Stage()
    stage.speak(2)
    preview = stage.of(SubmitPreview)[-1].job
    draft = (DraftWord(text=" wort", start=0.3, end=0.6, probability=0.9),)
    fields = preview.model_dump(include={"utterance", "revision", "start_ms"})
    fields |= {"end_ms": preview.start_ms + 2_000, "language": "de", "language_probability": 0.95}
    stage.apply(PartialResult(committed="", tentative="wort", draft=draft, **fields))
    stage.receive(Configure(languages=("en", "fr")))
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.draft == ()


def test_sounds_without_words_have_no_more_previews_than_speech_under_load() -> None:
    stage = Stage()
    stage.actions += stage.session.set_backpressure(Backpressure.STOP)
    for _ in range(40):
        stage.speak(0.5)
        for preview in stage.of(SubmitPreview)[-1:]:
            stage.answer(preview, "", "")
    last = stage.of(SubmitPreview)[-1].job
    assert last.end_ms - last.start_ms <= 5_500, "only while first words may still come"


def test_the_language_is_chosen_among_those_of_the_session() -> None:
    stage = Stage(languages=("de", "zh-TW"))
    stage.speak(1)
    job = stage.of(SubmitPreview)[-1].job
    assert (job.language, job.allowed, job.expected) == (None, ("de", "zh"), ("de", "zh-TW"))
    stage.receive(Configure(languages=("de",)))
    stage.be_silent(1)
    job = stage.of(SubmitFinal)[-1].job
    assert (job.language, job.allowed) == ("de", ()), "a choice of one"
    stage.receive(Configure(languages=()))
    stage.speak(1)
    stage.be_silent(1)
    job = stage.of(SubmitFinal)[-1].job
    assert (job.language, job.allowed) == (None, ())


def test_auto_among_the_languages_allows_all() -> None:
    stage = Stage(languages=("auto", "en"))
    stage.speak(1)
    assert (stage.of(SubmitPreview)[-1].job.language, stage.of(SubmitPreview)[-1].job.allowed) == (None, ())


def test_an_unknown_language_among_several_is_refused() -> None:
    with pytest.raises(ProtocolError, match="xx"):
        Stage(languages=("de", "xx"))


def test_only_one_preview_is_in_flight() -> None:
    stage = Stage()
    stage.speak(2)
    assert len(stage.of(SubmitPreview)) == 1


def test_a_preview_result_allows_the_next_preview() -> None:
    stage = Stage()
    stage.speak(1)
    (first,) = stage.of(SubmitPreview)
    stage.answer(first, "", " hello")
    stage.speak(0.5)
    second = stage.of(SubmitPreview)[1]
    assert [word.text for word in second.job.hypothesis] == ["hello"]
    assert second.job.revision > first.job.revision


def test_an_overdue_preview_counts_as_lost() -> None:
    stage = Stage()
    stage.speak(1)
    stage.speak(3)
    assert len(stage.of(SubmitPreview)) == 2


def test_a_stale_preview_changes_nothing() -> None:
    stage = Stage()
    stage.speak(4)
    first, *_ = stage.of(SubmitPreview)
    assert stage.answer(first, "", " late") == []


def test_an_unchanged_partial_is_not_sent_again() -> None:
    stage = Stage()
    stage.speak(1)
    stage.answer(stage.of(SubmitPreview)[-1], "", " one")
    stage.speak(0.5)
    stage.answer(stage.of(SubmitPreview)[-1], "", " one")
    assert len(stage.events(Partial)) == 1


def test_without_partials_there_are_no_previews_and_no_early_finals() -> None:
    stage = Stage(partials=False)
    stage.speak(3)
    stage.be_silent(1)
    assert stage.of(SubmitPreview) == []
    (submit,) = stage.of(SubmitFinal)
    assert not submit.early


def test_speech_after_a_pause_withdraws_the_early_final() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.4)
    (early,) = stage.of(SubmitFinal)
    stage.speak(1)
    assert stage.of(WithdrawEarlyFinal) == [WithdrawEarlyFinal(1, early.job.attempt)]
    stage.answer(stage.of(SubmitPreview)[-1], "", " and so")
    stage.be_silent(1)
    second = stage.of(SubmitFinal)[1]
    assert second.job.attempt == early.job.attempt + 1
    assert stage.of(CloseUtterance) == [CloseUtterance(1, second.job.attempt, second.job.end_ms)]


def test_a_slow_system_gets_no_early_finals() -> None:
    stage = Stage()
    stage.speak(2)  # the preview asked for after 0.6 s has not come back
    stage.be_silent(1)
    (submit,) = stage.of(SubmitFinal)
    assert not submit.early


def test_a_preview_in_flight_is_stale_once_the_early_final_is_out() -> None:
    stage = Stage()
    stage.speak(1)
    (preview,) = stage.of(SubmitPreview)
    stage.be_silent(0.3)
    assert stage.answer(preview, "words that", " the final will not know") == []


def test_the_result_of_an_early_final_is_sent_as_a_partial() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.3)
    (early,) = stage.of(SubmitFinal)
    stage.answer(early, "hello", " world")
    assert [(p.committed, p.tentative) for p in stage.events(Partial)] == [("hello", " world")]


def test_files_faster_than_real_time_get_plain_finals() -> None:
    stage = Stage()
    speech, silence = np.full(60, 0.9, np.float32), np.zeros(40, np.float32)
    probabilities = np.concatenate([speech, silence])
    windows = np.zeros((len(probabilities), 512), np.int16)
    stage.actions += stage.session.receive_audio(windows, probabilities, stage.now)
    (submit,) = stage.of(SubmitFinal)
    assert not submit.early
    assert stage.of(CloseUtterance) == []


def test_finalize_ends_the_utterance_at_once() -> None:
    stage = Stage()
    stage.speak(1)
    stage.receive(Finalize())
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]


def test_done_waits_for_finals_and_their_translations() -> None:
    stage = Stage(translate_to=("es", "fr"))
    stage.speak(1)
    stage.receive(Stop())
    assert stage.events(Done) == []
    stage.final(1, "hello", "1-0")
    stage.apply(Translation(utterance=1, language="es", text="hola", is_final=True), "2-0")
    assert stage.events(Done) == []
    notice = Notice(code="translation_unavailable", message="install it", utterance=1, language="fr")
    stage.apply(notice, "3-0")
    assert len(stage.events(Done)) == 1
    assert stage.of(CloseConnection) == [CloseConnection()]


def test_a_notice_about_a_preview_does_not_replace_a_final_translation() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    notice = Notice(code="translation_unavailable", message="install it", utterance=1, language="es")
    stage.apply(notice)
    stage.receive(Stop())
    stage.final(1, "hello", "1-0")
    assert stage.events(Done) == []
    stage.apply(notice, "2-0")
    assert len(stage.events(Done)) == 1


def test_an_empty_final_expects_no_translation() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    stage.receive(Stop())
    stage.final(1, "", "1-0")
    assert len(stage.events(Done)) == 1


def test_an_error_in_place_of_a_final_settles_the_utterance() -> None:
    stage = Stage()
    stage.speak(1)
    stage.receive(Stop())
    stage.apply(Error(code="dead_lettered", message="no", utterance=1), "1-0")
    assert [event.utterance for event in stage.events(Error)] == [1]
    assert len(stage.events(Done)) == 1


def test_stop_without_speech_is_done_at_once() -> None:
    stage = Stage()
    stage.receive(Stop())
    assert len(stage.events(Done)) == 1


def test_a_durable_event_is_applied_once() -> None:
    stage = Stage()
    stage.speak(1)
    stage.receive(Finalize())
    stage.final(1, "hello", "5-0")
    assert stage.final(1, "hello", "5-0") == []
    assert stage.final(1, "hello", "4-9") == []
    assert len(stage.events(Final)) == 1


def test_a_notice_is_sent_once_per_language() -> None:
    stage = Stage(translate_to=("es",))
    for number in (1, 2):
        stage.apply(Notice(code="translation_unavailable", message="m", utterance=number, language="es"), f"{number}-0")
    notices = stage.events(Notice)
    assert [len(NativeCodec().encode(notice)) for notice in notices] == [1, 0]
    assert [notice.utterance for notice in notices] == [1, 2], "codecs that await translations need all of them"
    stage.apply(Notice(code="translation_unavailable", message="m", utterance=3, language="es"))
    assert len(stage.events(Notice)) == 2, "one about a preview takes no translation's place"


def test_the_detected_language_is_passed_to_the_next_job() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    stage.final(1, "hello", "1-0")
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.heard == "en"
    stage.receive(Configure(language="de"))
    stage.be_silent(1)
    assert (stage.of(SubmitFinal)[-1].job.language, stage.of(SubmitFinal)[-1].job.heard) == ("de", None)


def test_a_job_carries_the_text_before_its_utterance() -> None:
    stage = Stage(language="en", partials=False)
    stage.speak(1)
    stage.be_silent(1)
    first = stage.of(SubmitFinal)[-1].job
    assert (first.context, first.context_language) == ("", "")
    stage.apply(final(1, "Replied he,", start_ms=first.start_ms, end_ms=first.end_ms), "1-0")
    stage.speak(1)
    stage.be_silent(1)
    second = stage.of(SubmitFinal)[-1].job
    assert (second.context, second.context_language) == ("Replied he,", "en")


def test_another_language_has_no_text_before() -> None:
    stage = Stage(language="en", partials=False)
    stage.speak(1)
    stage.be_silent(1)
    stage.apply(final(1, "hello", end_ms=1_000), "1-0")
    stage.receive(Configure(language="fr"))
    stage.speak(1)
    stage.be_silent(1)
    assert stage.of(SubmitFinal)[-1].job.context == ""


def test_a_recording_has_only_finals_and_its_jobs_come_after_live_ones() -> None:
    stage = Stage(priority="recording", partials=True)
    stage.receive(Configure(partials=True))
    for _ in range(2):
        stage.speak(2)
        stage.be_silent(1)
    assert [submit.job.stream_kind for submit in stage.of(SubmitFinal)] == ["recording", "recording"]
    assert not any(submit.early for submit in stage.of(SubmitFinal))
    assert stage.of(SubmitPreview) == []


def test_a_recording_does_not_wait_for_the_text_before_a_cut() -> None:
    stage = Stage(priority="recording", language="en")
    stage.speak(60)
    assert stage.session.pending_finals >= 2
    assert not stage.session.awaits_context


def test_jobs_of_a_recording_are_submitted_again_when_no_worker_reads_them() -> None:
    priority: Priority = "recording"
    stage = Stage()
    stage.session = Session("s", "c", SessionPolicy(), job_priority=lambda _: priority)
    stage.receive(Start(priority="recording"))
    stage.speak(2)
    stage.be_silent(1)
    known = SessionRecord(Start(), "c", closed=frozenset({1}))
    assert stage.session.recover_lost_jobs(known, stage.now) == []
    priority = "live"
    (again,) = stage.session.recover_lost_jobs(known, stage.now)
    assert isinstance(again, SubmitFinal)
    assert again.job.stream_kind == "final"


def test_an_utterance_that_continues_a_cut_one_awaits_its_text() -> None:
    stage = Stage(language="en", partials=False)
    stage.speak(26)
    assert stage.session.awaits_context
    stage.apply(final(1, "a long", end_ms=24_000), "1-0")
    assert not stage.session.awaits_context
    stage.be_silent(1)
    stage.speak(1)
    assert not stage.session.awaits_context, "the last utterance ended with silence"


def test_detections_in_finals_are_pooled_for_the_next_job_and_not_sent() -> None:
    stage = Stage()
    stage.speak(1)
    stage.receive(Finalize())
    assert stage.session.awaits_language
    detected = {"en": 0.97, "nl": 0.02}
    said = final(1, "hello", end_ms=3_000, cursor="1-0")
    stage.apply(FinalResult(**dict(said), languages=detected), "1-0")
    assert stage.events(Final) == [said]
    assert not stage.session.awaits_language
    stage.speak(1)
    stage.receive(Finalize())
    job = stage.of(SubmitFinal)[-1].job
    assert (job.heard, max(job.languages, key=lambda code: job.languages[code])) == ("en", "en")


def test_the_latest_preview_translation_is_passed_to_the_next_preview() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    stage.answer(stage.of(SubmitPreview)[-1], "good", " morning")
    stage.apply(Translation(utterance=1, language="es", text="buenos", is_final=False))
    stage.speak(0.5)
    stage.answer(stage.of(SubmitPreview)[-1], "good morning", "")
    assert stage.of(SubmitPreview)[-1].job.translated == {"es": "buenos"}


def test_configure_changes_only_given_options() -> None:
    stage = Stage(language="en", translate_to=("es",))
    stage.receive(Configure(endpoint_ms=1_000))
    options = stage.session.options
    assert (options.language, options.translate_to, options.endpoint_ms) == ("en", ("es",), 1_000)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.9]), st.floats(0.05, 2.0)), max_size=12))
def test_every_utterance_has_exactly_one_final(parts: list[tuple[float, float]]) -> None:
    stage = Stage()
    for probability, seconds in parts:
        stage.feed(seconds, probability)
    stage.receive(Stop())
    started = [event.utterance for event in stage.events(SpeechStarted)]
    ended = [event.utterance for event in stage.events(SpeechEnded)]
    assert started == ended == list(range(1, len(started) + 1))
    plain = [submit.job.utterance for submit in stage.of(SubmitFinal) if not submit.early]
    closed = [close.utterance for close in stage.of(CloseUtterance)]
    assert sorted(plain + closed) == started
    early = {(submit.job.utterance, submit.job.attempt) for submit in stage.of(SubmitFinal) if submit.early}
    settled = [(a.utterance, a.attempt) for a in stage.actions if isinstance(a, CloseUtterance | WithdrawEarlyFinal)]
    assert sorted(settled) == sorted(early)


def resumed(record: SessionRecord, **said: Any) -> Stage:
    """A session that a client has resumed here after it left another gateway."""
    stage = Stage()
    stage.session = Session("s", "c", SessionPolicy())
    stage.actions = stage.session.resume(Resume(session="s", token="t", **said), record)
    return stage


def test_a_resumed_session_says_from_where_audio_is_wanted_and_counts_on() -> None:
    stage = resumed(SessionRecord(Start(language="de"), "c", epoch=1, next=3, count=3, audio_ms=8_000), utterance=2)
    (ready,) = stage.events(Ready)
    assert ready.audio_from_ms == 8_000
    assert stage.session.has_pending_results, "utterance 3 is on its way"
    stage.speak(1)
    stage.be_silent(1)
    (started,) = stage.events(SpeechStarted)
    assert started.utterance == 4
    assert started.start_ms >= 8_000
    assert stage.of(SubmitFinal)[0].job.language == "de"


def test_attempts_and_revisions_increase_with_the_epoch() -> None:
    stage = resumed(SessionRecord(Start(), "c", epoch=2))
    stage.speak(1)
    stage.be_silent(1)
    assert min(submit.job.attempt for submit in stage.of(SubmitFinal)) > 2_000
    assert min(preview.job.revision for preview in stage.of(SubmitPreview)) > 2_000


def test_committed_text_survives_a_resume() -> None:
    stage = resumed(
        SessionRecord(Start(), "c", epoch=1, next=2, count=1), utterance=1, open_utterance=2, committed="good"
    )
    stage.speak(1)
    assert stage.of(SubmitPreview)[0].job.committed == "good"
    stage.be_silent(1)
    stage.speak(1)
    assert stage.of(SubmitPreview)[-1].job.committed == "", "the next utterance has no committed text"


def test_a_client_without_the_audio_is_notified_of_the_gap() -> None:
    stage = resumed(SessionRecord(Start(), "c", audio_ms=5_000), audio_from_ms=9_000)
    assert stage.events(Ready)[0].audio_from_ms == 9_000
    assert [notice.code for notice in stage.events(Notice)] == ["audio_missing"]


def test_a_session_that_replaces_a_lost_one_continues_its_count() -> None:
    stage = Stage(audio_from_ms=7_000, utterance=4)
    assert stage.events(Ready)[0].audio_from_ms == 7_000
    stage.speak(1)
    (started,) = stage.events(SpeechStarted)
    assert (started.utterance, started.start_ms >= 7_000) == (5, True)


def test_the_record_covers_only_closed_utterances() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    closed_ms = stage.session.record().audio_ms
    assert stage.session.record().count == 1
    stage.speak(3)
    record = stage.session.record()
    assert record.count == 1, "the second is open"
    assert closed_ms <= record.audio_ms <= 2_000 - 160, "the open utterance and its pre-roll can be sent again"


def test_backpressure_reduces_previews_and_notifies_the_client() -> None:
    def previews(pressure: Backpressure) -> tuple[int, int]:
        stage = Stage(endpoint_ms=600)
        stage.actions += stage.session.set_backpressure(pressure)
        for _ in range(8):
            stage.speak(0.5)
            for preview in stage.of(SubmitPreview)[-1:]:
                stage.answer(preview, "", " word")
        stage.be_silent(1)
        return len(stage.of(SubmitPreview)), len([submit for submit in stage.of(SubmitFinal) if submit.early])

    often, early = previews(Backpressure.NONE)
    assert early == 1
    rarely, none = previews(Backpressure.SLOW)
    assert 0 < rarely <= often / 2
    assert none == 0
    assert previews(Backpressure.STOP) == (1, 0), "only until first words are shown"

    stage = Stage()
    for pressure in (Backpressure.SLOW, Backpressure.SLOW, Backpressure.REFUSE, Backpressure.STOP, Backpressure.NONE):
        stage.actions += stage.session.set_backpressure(pressure)
    codes = [notice.code for notice in stage.events(Notice)]
    assert codes == ["previews_slowed", "previews_stopped", "previews_normal"]


def test_an_early_final_that_redis_lost_becomes_a_plain_final() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.3)
    (early,) = stage.of(SubmitFinal)
    assert stage.session.recover_lost_jobs(SessionRecord(Start(), "c", open=f"1:{early.job.attempt}"), stage.now) == []
    assert stage.session.recover_lost_jobs(SessionRecord(Start(), "c"), stage.now) == []
    stage.be_silent(1)
    assert stage.of(CloseUtterance) == []
    assert [submit.early for submit in stage.of(SubmitFinal)] == [True, False]


def test_a_task_that_a_worker_lacks_is_refused() -> None:
    with pytest.raises(ProtocolError) as refused:
        Stage(task="translate", served=ServedLanguages(english=False))
    assert refused.value.code == "unsupported_task"
    stage = Stage(served=ServedLanguages(english=False))
    with pytest.raises(ProtocolError) as kept:
        stage.session.receive_message(Configure(task="translate"), stage.now)
    assert not kept.value.fatal
    assert stage.session.options.task == "transcribe"


def test_jobs_carry_the_task_and_the_language_of_translated_speech() -> None:
    stage = Stage(task="translate", served=ServedLanguages(english=True))
    stage.speak(1.0)
    (preview,) = [action.job for action in stage.actions if isinstance(action, SubmitPreview)]
    assert (preview.task, preview.heard) == ("translate", None)
    partial = PartialResult(
        utterance=1,
        revision=preview.revision,
        committed="",
        tentative="Good morning",
        language="en",
        spoken_language="fr",
        language_probability=0.99,
        start_ms=preview.start_ms,
        end_ms=preview.start_ms + 3_000,
    )
    stage.apply(partial)
    stage.speak(1.0)
    later = [action.job for action in stage.actions if isinstance(action, SubmitPreview)]
    assert (later[-1].task, later[-1].heard) == ("translate", "fr")
