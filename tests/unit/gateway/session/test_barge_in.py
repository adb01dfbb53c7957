"""Interruptions: the user speaks while the client plays an answer."""

import time
from typing import Any

import numpy as np
import pytest

from backend.messages.protocol import Clear, Configure, Finalize, Interrupt, SpeechStarted
from gateway.session.actions import SendEvent, SubmitPreview
from tests.unit.gateway.session.test_session import WINDOW_S, Stage

ANSWER = "The train to Hamburg leaves at nine from platform seven."


class LoudStage(Stage):
    """A session whose audio has a level."""

    def hear(self, seconds: float, probability: float, level_db: float = -25.0) -> None:
        amplitude = 32_768 * 10 ** (level_db / 20)
        window = np.tile(np.array([round(amplitude), -round(amplitude)], np.int16), 256)[np.newaxis]
        for _ in range(round(seconds / WINDOW_S)):
            self.now += WINDOW_S
            self._record(self.session.receive_audio(window, np.array([probability], np.float32), self.now))


def responding(**options: Any) -> LoudStage:
    """A session that has received two seconds of its user at -25 dBFS, and now plays its second answer."""
    stage = LoudStage(responding=True)
    stage.receive(Configure(responding=False))
    stage.hear(2.0, 0.95)
    stage.hear(1.0, 0.0, -70.0)
    stage.receive(Configure(responding=True, **options))
    return stage


def test_speech_of_the_usual_level_interrupts_after_its_minimum() -> None:
    stage = responding()
    began_ms = stage.session.audio_ms
    stage.hear(0.25, 0.95)
    assert stage.events(Interrupt) == []
    stage.hear(0.25, 0.95)
    (interrupt,) = stage.events(Interrupt)
    assert interrupt.utterance == 2
    assert interrupt.start_ms == began_ms
    assert 300 <= interrupt.at_ms - began_ms <= 340
    types = [send.event.type for send in stage.of(SendEvent)]
    assert types.index("interrupt") > max(i for i, kind in enumerate(types) if kind == "speech_started")


def test_an_interruption_is_reported_once_for_each_answer() -> None:
    stage = responding()
    stage.hear(2.0, 0.95)
    stage.receive(Configure(responding=True))
    stage.hear(1.0, 0.95)
    assert len(stage.events(Interrupt)) == 1
    stage.receive(Configure(responding=False))
    stage.hear(2.0, 0.95)
    stage.receive(Configure(responding=True))
    stage.hear(1.0, 0.95)
    assert len(stage.events(Interrupt)) == 2


def test_a_session_that_listens_is_not_interrupted() -> None:
    stage = LoudStage()
    stage.hear(3.0, 0.95)
    assert stage.events(Interrupt) == []


@pytest.mark.parametrize(("level_db", "expected"), [(-35.0, 1), (-45.0, 0)])
def test_an_echo_far_below_the_usual_level_does_not_interrupt(level_db: float, expected: int) -> None:
    stage = responding()
    stage.hear(3.0, 0.95, level_db)
    assert len(stage.events(Interrupt)) == expected


def test_sounds_that_are_hardly_speech_do_not_interrupt() -> None:
    stage = responding()
    for _ in range(20):
        stage.hear(0.032, 0.95)
        stage.hear(0.032, 0.3)
    assert stage.events(Interrupt) == [], "single windows, such as coughs and clicks"
    stage.hear(5.0, 0.6)
    assert stage.events(Interrupt) == [], "music"


def test_short_pauses_between_words_do_not_restart_the_count() -> None:
    stage = responding()
    stage.hear(0.2, 0.95)
    stage.hear(0.032, 0.1)
    stage.hear(0.2, 0.95)
    assert len(stage.events(Interrupt)) == 1


@pytest.mark.parametrize("interrupt_ms", [200, 1_000])
def test_the_minimum_can_be_chosen(interrupt_ms: int) -> None:
    stage = responding(interrupt_ms=interrupt_ms)
    began_ms = stage.session.audio_ms
    stage.hear(2.0, 0.95)
    (interrupt,) = stage.events(Interrupt)
    assert interrupt_ms <= interrupt.at_ms - began_ms <= interrupt_ms + 40


def test_audio_that_is_discarded_does_not_count() -> None:
    stage = responding()
    stage.hear(0.28, 0.95)
    stage.receive(Clear())
    cleared_ms = stage.session.audio_ms
    stage.hear(0.5, 0.95)
    (interrupt,) = stage.events(Interrupt)
    assert interrupt.start_ms >= cleared_ms
    assert interrupt.at_ms - cleared_ms >= 300


def test_an_interruption_begins_in_its_utterance() -> None:
    stage = responding(interrupt_ms=2_000)
    stage.hear(1.2, 0.95)
    stage.hear(0.8, 0.0, -70.0)
    stage.hear(3.0, 0.95)
    (interrupt,) = stage.events(Interrupt)
    starts = {event.utterance: event.start_ms for event in stage.events(SpeechStarted)}
    assert interrupt.start_ms >= starts[interrupt.utterance]


def answered(stage: LoudStage, text: str) -> None:
    stage.answer(stage.of(SubmitPreview)[-1], "", text)


def test_a_late_partial_of_the_question_does_not_interrupt_the_answer() -> None:
    stage = responding()
    stage.receive(Configure(responding=False))
    stage.hear(1.0, 0.95)
    preview = stage.of(SubmitPreview)[-1]
    stage.receive(Finalize())
    stage.receive(Configure(responding=True, playing=ANSWER))
    stage.hear(0.4, 0.95)
    stage.answer(preview, "", "what time does it leave")
    assert stage.events(Interrupt) == []


def test_words_tell_when_they_were_spoken() -> None:
    stage = responding(playing=ANSWER)
    stage.hear(1.5, 0.95)
    preview = stage.of(SubmitPreview)[-1]
    stage.hear(1.0, 0.95)
    stage.answer(preview, "", "Stop it now")
    (interrupt,) = stage.events(Interrupt)
    assert interrupt.at_ms == preview.job.end_ms


@pytest.mark.parametrize("options", [{"partials": False}, {"priority": "recording"}])
def test_without_partials_sound_decides(options: dict[str, Any]) -> None:
    stage = LoudStage(**options)
    stage.receive(Configure(responding=True, playing=ANSWER))
    stage.hear(1.0, 0.95)
    assert len(stage.events(Interrupt)) == 1


def test_long_answers_cost_little() -> None:
    stage = LoudStage(responding=True, playing="no " * 3_333)
    stage.hear(1.0, 0.95)
    began = time.perf_counter()
    stage.answer(stage.of(SubmitPreview)[-1], "no " * 3_333, "")
    assert time.perf_counter() - began < 0.2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the train to Hamburg", 0),
        ("a train to Homburg leaves", 0),
        ("leaves at 9 from platform", 0),
        ("Stop.", 1),
        ("No wait", 1),
        ("a train", 0),
        ("the", 0),
        ("the train to Hamburg no wait a moment", 1),
        ("", 0),
    ],
)
def test_only_words_that_are_not_part_of_the_answer_interrupt(text: str, expected: int) -> None:
    stage = responding(playing=ANSWER)
    stage.hear(1.5, 0.95)
    assert stage.events(Interrupt) == [], "sound does not decide"
    answered(stage, text)
    assert len(stage.events(Interrupt)) == expected
    stage.hear(0.5, 0.95)
    answered(stage, text)
    assert len(stage.events(Interrupt)) == expected, "once"


def test_another_answer_can_be_interrupted_again() -> None:
    stage = responding(playing=ANSWER)
    stage.hear(1.0, 0.95)
    answered(stage, "Stop.")
    stage.receive(Configure(playing="Good bye."))
    stage.hear(0.5, 0.95)
    answered(stage, "Stop it now.")
    assert len(stage.events(Interrupt)) == 2
