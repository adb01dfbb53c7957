"""The session machine: what it sends, asks for and remembers. Audio is made of zeros; probabilities say who speaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.jobs import ChannelMessage, HypothesisWord, PartialResult
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
from backend.messages.session_record import SessionRecord
from gateway.session.actions import Action, Close, Finish, Preview, Send, Submit, Withdraw
from gateway.session.backpressure import Backpressure
from gateway.session.machine import Session
from gateway.session.utterance import Policy

WINDOW_S = 0.032


class Stage:
    """A session, a clock that follows the audio, and what came out."""

    def __init__(self, **options: Any) -> None:
        self.session = Session("s", "c", Policy())
        self.now = 1_000.0
        self.actions: list[Action] = []
        self._take(self.session.receive(Start(**options), self.now))

    def hear(self, seconds: float, probability: float) -> list[Action]:
        before = len(self.actions)
        for _ in range(round(seconds / WINDOW_S)):
            self.now += WINDOW_S
            windows = np.zeros((1, 512), np.int16)
            self._take(self.session.hear(windows, np.array([probability], np.float32), self.now))
        return self.actions[before:]

    def speak(self, seconds: float) -> list[Action]:
        return self.hear(seconds, 0.9)

    def be_silent(self, seconds: float) -> list[Action]:
        return self.hear(seconds, 0.0)

    def say(self, message: Any) -> list[Action]:
        return self._take(self.session.receive(message, self.now))

    def learn(self, event: Any, cursor: str | None = None) -> list[Action]:
        return self._take(self.session.learn(ChannelMessage(cursor, event), self.now))

    def answer(self, preview: Preview, committed: str, tentative: str) -> list[Action]:
        job = preview.job
        words = tuple(HypothesisWord(text=word, probability=0.9) for word in tentative.split())
        return self.learn(
            PartialResult(
                utterance=job.utterance,
                revision=job.revision,
                committed=committed,
                tentative=tentative,
                language="en",
                start_ms=job.start_ms,
                end_ms=job.end_ms,
                hypothesis=words,
            )
        )

    def finish(self, utterance: int, text: str, cursor: str) -> list[Action]:
        targets = self.session.start.translate_to if text else ()
        event = Final(
            utterance=utterance, text=text, language="en", confidence=0.9, start_ms=0, end_ms=1, translate_to=targets
        )
        return self.learn(event, cursor)

    def of(self, kind: type[Any]) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]

    def events(self, kind: type[Any]) -> list[Any]:
        return [send.event for send in self.of(Send) if isinstance(send.event, kind)]

    def _take(self, actions: list[Action]) -> list[Action]:
        self.actions += actions
        return actions


def test_start_is_answered_with_ready() -> None:
    (ready,) = Stage().events(Ready)
    assert ready.session == "s"
    assert ready.audio_from_ms == 0


@pytest.mark.parametrize(
    ("message", "code"), [(Stop(), "not_started"), (Configure(), "not_started"), (Finalize(), "not_started")]
)
def test_nothing_but_start_opens_a_session(message: Any, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        Session("s", "c", Policy()).receive(message, 0.0)
    assert refused.value.code == code


def test_a_second_start_is_refused() -> None:
    with pytest.raises(ProtocolError) as refused:
        Stage().say(Start())
    assert refused.value.code == "already_started"


@pytest.mark.parametrize("options", [{"language": "tlh"}, {"translate_to": ("xx-nowhere",)}])
def test_an_unknown_language_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as refused:
        Stage(**options)
    assert refused.value.code == "unsupported_language"


def test_silence_asks_for_nothing() -> None:
    stage = Stage()
    assert stage.be_silent(30) == []


def test_an_utterance_is_announced_previewed_decoded_early_and_closed() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    assert [event.utterance for event in stage.events(SpeechStarted)] == [1]
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]
    assert stage.of(Preview)
    (submit,) = stage.of(Submit)
    assert submit.early
    assert stage.of(Close) == [Close(1, submit.job.attempt, submit.job.end_ms)]


def test_only_one_preview_is_in_flight() -> None:
    stage = Stage()
    stage.speak(2)
    assert len(stage.of(Preview)) == 1


def test_a_preview_that_came_back_makes_room_for_the_next() -> None:
    stage = Stage()
    stage.speak(1)
    (first,) = stage.of(Preview)
    stage.answer(first, "", " hello")
    stage.speak(0.5)
    second = stage.of(Preview)[1]
    assert [word.text for word in second.job.hypothesis] == ["hello"]
    assert second.job.revision > first.job.revision


def test_an_overdue_preview_is_given_up() -> None:
    stage = Stage()
    stage.speak(1)
    stage.speak(3)
    assert len(stage.of(Preview)) == 2


def test_a_stale_preview_changes_nothing() -> None:
    stage = Stage()
    stage.speak(4)
    first, *_ = stage.of(Preview)
    assert stage.answer(first, "", " late") == []


def test_a_preview_that_says_nothing_new_is_not_sent() -> None:
    stage = Stage()
    stage.speak(1)
    stage.answer(stage.of(Preview)[-1], "", " one")
    stage.speak(0.5)
    stage.answer(stage.of(Preview)[-1], "", " one")
    assert len(stage.events(Partial)) == 1


def test_partials_are_not_asked_for_by_those_who_do_not_want_them() -> None:
    stage = Stage(partials=False)
    stage.speak(3)
    stage.be_silent(1)
    assert stage.of(Preview) == []
    (submit,) = stage.of(Submit)
    assert not submit.early


def test_speech_that_goes_on_withdraws_the_early_final() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.4)
    (early,) = stage.of(Submit)
    stage.speak(1)
    assert stage.of(Withdraw) == [Withdraw(1, early.job.attempt)]
    stage.answer(stage.of(Preview)[-1], "", " and so")
    stage.be_silent(1)
    second = stage.of(Submit)[1]
    assert second.job.attempt == early.job.attempt + 1
    assert stage.of(Close) == [Close(1, second.job.attempt, second.job.end_ms)]


def test_a_busy_machine_is_not_asked_to_decode_early() -> None:
    stage = Stage()
    stage.speak(2)  # the preview asked for after 0.6 s has not come back
    stage.be_silent(1)
    (submit,) = stage.of(Submit)
    assert not submit.early


def test_a_preview_in_flight_is_stale_once_the_early_final_is_out() -> None:
    stage = Stage()
    stage.speak(1)
    (preview,) = stage.of(Preview)
    stage.be_silent(0.3)
    assert stage.answer(preview, "words that", " the final will not know") == []


def test_the_early_finals_words_are_shown_as_a_partial() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.3)
    (early,) = stage.of(Submit)
    stage.answer(early, "hello", " world")
    assert [(p.committed, p.tentative) for p in stage.events(Partial)] == [("hello", " world")]


def test_files_that_come_faster_than_time_get_plain_finals() -> None:
    stage = Stage()
    speech, silence = np.full(60, 0.9, np.float32), np.zeros(40, np.float32)
    probabilities = np.concatenate([speech, silence])
    windows = np.zeros((len(probabilities), 512), np.int16)
    stage.actions += stage.session.hear(windows, probabilities, stage.now)
    (submit,) = stage.of(Submit)
    assert not submit.early
    assert stage.of(Close) == []


def test_finalize_ends_the_utterance_now() -> None:
    stage = Stage()
    stage.speak(1)
    stage.say(Finalize())
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]


def test_done_waits_for_finals_and_their_translations() -> None:
    stage = Stage(translate_to=("es", "fr"))
    stage.speak(1)
    stage.say(Stop())
    assert stage.events(Done) == []
    stage.finish(1, "hello", "1-0")
    stage.learn(Translation(utterance=1, language="es", text="hola", is_final=True), "2-0")
    assert stage.events(Done) == []
    notice = Notice(code="translation_unavailable", message="install it", utterance=1, language="fr")
    stage.learn(notice, "3-0")
    assert len(stage.events(Done)) == 1
    assert stage.of(Finish) == [Finish()]


def test_a_notice_about_a_preview_does_not_stand_for_the_one_about_the_final() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    notice = Notice(code="translation_unavailable", message="install it", utterance=1, language="es")
    stage.learn(notice)
    stage.say(Stop())
    stage.finish(1, "hello", "1-0")
    assert stage.events(Done) == []
    stage.learn(notice, "2-0")
    assert len(stage.events(Done)) == 1


def test_an_empty_final_waits_for_no_translation() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    stage.say(Stop())
    stage.finish(1, "", "1-0")
    assert len(stage.events(Done)) == 1


def test_an_error_in_place_of_a_final_settles_the_utterance() -> None:
    stage = Stage()
    stage.speak(1)
    stage.say(Stop())
    stage.learn(Error(code="dead_lettered", message="no", utterance=1), "1-0")
    assert [event.utterance for event in stage.events(Error)] == [1]
    assert len(stage.events(Done)) == 1


def test_stop_without_speech_is_done_at_once() -> None:
    stage = Stage()
    stage.say(Stop())
    assert len(stage.events(Done)) == 1


def test_a_durable_event_is_taken_once_by_whatever_way_it_comes() -> None:
    stage = Stage()
    stage.speak(1)
    stage.say(Finalize())
    stage.finish(1, "hello", "5-0")
    assert stage.finish(1, "hello", "5-0") == []
    assert stage.finish(1, "hello", "4-9") == []
    assert len(stage.events(Final)) == 1


def test_a_notice_is_given_once_for_each_language() -> None:
    stage = Stage(translate_to=("es",))
    for number in (1, 2):
        stage.learn(Notice(code="translation_unavailable", message="m", utterance=number, language="es"), f"{number}-0")
    assert len(stage.events(Notice)) == 1


def test_the_language_that_was_heard_goes_with_the_next_job() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    stage.finish(1, "hello", "1-0")
    stage.speak(1)
    assert stage.of(Preview)[-1].job.heard == "en"
    stage.say(Configure(language="de"))
    stage.be_silent(1)
    assert (stage.of(Submit)[-1].job.language, stage.of(Submit)[-1].job.heard) == ("de", None)


def test_the_translation_shown_so_far_goes_with_the_next_preview() -> None:
    stage = Stage(translate_to=("es",))
    stage.speak(1)
    stage.answer(stage.of(Preview)[-1], "good", " morning")
    stage.learn(Translation(utterance=1, language="es", text="buenos", is_final=False))
    stage.speak(0.5)
    stage.answer(stage.of(Preview)[-1], "good morning", "")
    assert stage.of(Preview)[-1].job.translated == {"es": "buenos"}


def test_configure_changes_only_what_it_names() -> None:
    stage = Stage(language="en", translate_to=("es",))
    stage.say(Configure(endpoint_ms=1_000))
    options = stage.session.start
    assert (options.language, options.translate_to, options.endpoint_ms) == ("en", ("es",), 1_000)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.9]), st.floats(0.05, 2.0)), max_size=12))
def test_every_utterance_gets_exactly_one_way_to_its_final(parts: list[tuple[float, float]]) -> None:
    stage = Stage()
    for probability, seconds in parts:
        stage.hear(seconds, probability)
    stage.say(Stop())
    started = [event.utterance for event in stage.events(SpeechStarted)]
    ended = [event.utterance for event in stage.events(SpeechEnded)]
    assert started == ended == list(range(1, len(started) + 1))
    plain = [submit.job.utterance for submit in stage.of(Submit) if not submit.early]
    closed = [close.utterance for close in stage.of(Close)]
    assert sorted(plain + closed) == started
    early = {(submit.job.utterance, submit.job.attempt) for submit in stage.of(Submit) if submit.early}
    settled = [(a.utterance, a.attempt) for a in stage.actions if isinstance(a, Close | Withdraw)]
    assert sorted(settled) == sorted(early)


def resumed(record: SessionRecord, **said: Any) -> Stage:
    """A session that another gateway left, and that a client has resumed here."""
    stage = Stage()
    stage.session = Session("s", "c", Policy())
    stage.actions = stage.session.resume(Resume(session="s", token="t", **said), record)
    return stage


def test_a_resumed_session_says_from_where_audio_is_wanted_and_counts_on() -> None:
    stage = resumed(SessionRecord(Start(language="de"), "c", epoch=1, next=3, count=3, audio_ms=8_000), utterance=2)
    (ready,) = stage.events(Ready)
    assert ready.audio_from_ms == 8_000
    assert stage.session.waiting, "utterance 3 is on its way"
    stage.speak(1)
    stage.be_silent(1)
    (started,) = stage.events(SpeechStarted)
    assert started.utterance == 4
    assert started.start_ms >= 8_000
    assert stage.of(Submit)[0].job.language == "de"


def test_no_answer_from_before_passes_for_a_new_one() -> None:
    stage = resumed(SessionRecord(Start(), "c", epoch=2))
    stage.speak(1)
    stage.be_silent(1)
    assert min(submit.job.attempt for submit in stage.of(Submit)) > 2_000
    assert min(preview.job.revision for preview in stage.of(Preview)) > 2_000


def test_words_that_were_promised_before_stay_promised() -> None:
    stage = resumed(
        SessionRecord(Start(), "c", epoch=1, next=2, count=1), utterance=1, open_utterance=2, committed="good"
    )
    stage.speak(1)
    assert stage.of(Preview)[0].job.committed == "good"
    stage.be_silent(1)
    stage.speak(1)
    assert stage.of(Preview)[-1].job.committed == "", "the next utterance has promised nothing"


def test_a_client_that_cannot_send_the_audio_again_is_told_what_is_missing() -> None:
    stage = resumed(SessionRecord(Start(), "c", audio_ms=5_000), audio_from_ms=9_000)
    assert stage.events(Ready)[0].audio_from_ms == 9_000
    assert [notice.code for notice in stage.events(Notice)] == ["audio_missing"]


def test_a_session_that_stands_in_for_a_lost_one_counts_on() -> None:
    stage = Stage(audio_from_ms=7_000, utterance=4)
    assert stage.events(Ready)[0].audio_from_ms == 7_000
    stage.speak(1)
    (started,) = stage.events(SpeechStarted)
    assert (started.utterance, started.start_ms >= 7_000) == (5, True)


def test_the_record_covers_what_is_closed_and_no_more() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(1)
    closed_ms = stage.session.record().audio_ms
    assert stage.session.record().count == 1
    stage.speak(3)
    record = stage.session.record()
    assert record.count == 1, "the second is open"
    assert closed_ms <= record.audio_ms <= 2_000 - 160, "with its pre-roll, it can be sent again"


def test_previews_give_way_to_finals_step_by_step_and_the_client_is_told() -> None:
    def previews(pressure: Backpressure) -> tuple[int, int]:
        stage = Stage()
        stage.actions += stage.session.press(pressure)
        for _ in range(8):
            stage.speak(0.5)
            for preview in stage.of(Preview)[-1:]:
                stage.answer(preview, "", " word")
        stage.be_silent(1)
        return len(stage.of(Preview)), len([submit for submit in stage.of(Submit) if submit.early])

    often, early = previews(Backpressure.NONE)
    assert early == 1
    rarely, none = previews(Backpressure.SLOW)
    assert 0 < rarely < often / 2
    assert none == 0
    assert previews(Backpressure.STOP) == (0, 0)

    stage = Stage()
    for pressure in (Backpressure.SLOW, Backpressure.SLOW, Backpressure.REFUSE, Backpressure.STOP, Backpressure.NONE):
        stage.actions += stage.session.press(pressure)
    codes = [notice.code for notice in stage.events(Notice)]
    assert codes == ["previews_slowed", "previews_stopped", "previews_normal"]


def test_an_early_final_that_redis_forgot_is_decoded_anew() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.3)
    (early,) = stage.of(Submit)
    assert stage.session.lost(SessionRecord(Start(), "c", open=f"1:{early.job.attempt}"), stage.now) == []
    assert stage.session.lost(SessionRecord(Start(), "c"), stage.now) == []
    stage.be_silent(1)
    assert stage.of(Close) == []
    assert [submit.early for submit in stage.of(Submit)] == [True, False]
