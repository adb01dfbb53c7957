"""Sessions in which the client decides where utterances end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.protocol import Clear, Configure, Finalize, SpeechEnded, SpeechStarted
from gateway.session.actions import SubmitFinal, SubmitPreview, WithdrawEarlyFinal
from gateway.session.segmenter import WINDOW, Segmenter, UtteranceEnded, UtteranceStarted
from tests.unit.gateway.session.test_segmenter import QUICK, chances, segment, sound, spans
from tests.unit.gateway.session.test_session import Stage


def manual() -> Segmenter:
    segmenter = Segmenter(QUICK)
    segmenter.endpointing = False
    return segmenter


def test_only_the_client_ends_utterances_and_they_contain_all_audio() -> None:
    segmenter = manual()
    assert segment(segmenter, chances((0.0, 10), (0.9, 10), (0.0, 20))) == [UtteranceStarted(0)]
    assert spans(segmenter.end_utterance("finalize")) == [(0, 40, "finalize")]
    assert segmenter.end_utterance("finalize") == [], "nothing followed"


def test_a_long_utterance_is_cut_and_no_audio_is_lost() -> None:
    segmenter = manual()
    heard = sound(170)
    events = segmenter.process_windows(heard, np.zeros(170, np.float32))
    events += segmenter.end_utterance("finalize")
    pieces = [event.clip for event in events if isinstance(event, UtteranceEnded)]
    assert len(pieces) >= 4
    assert b"".join(piece.pcm for piece in pieces) == heard.tobytes()
    assert [event.reason for event in events if isinstance(event, UtteranceEnded)][-1] == "finalize"


@given(st.lists(st.tuples(st.sampled_from(("audio", "commit", "discard")), st.integers(1, 60)), max_size=12))
def test_every_sample_is_committed_once_or_discarded(steps: list[tuple[str, int]]) -> None:
    segmenter, at, discarded = manual(), 0, 0
    covered: list[tuple[int, int]] = []
    for step, count in steps:
        events = []
        if step == "audio":
            events = segment(segmenter, chances((0.5, count)))
            at += count
        elif step == "commit":
            events = segmenter.end_utterance("finalize")
        else:
            discarded += at - segmenter.buffered_from // WINDOW
            segmenter.discard()
        covered += [(e.clip.start_sample, e.clip.end_sample) for e in events if isinstance(e, UtteranceEnded)]
    covered_windows = sum(end - start for start, end in covered) // WINDOW
    assert covered_windows + discarded + (at - segmenter.buffered_from // WINDOW) == at
    assert covered == sorted(covered)


def test_an_utterance_contains_silence_until_the_client_finalizes() -> None:
    stage = Stage(endpointing=False)
    stage.speak(1.0)
    stage.be_silent(2.0)
    stage.speak(0.5)
    assert stage.of(SubmitFinal) == []
    stage.receive(Finalize())
    (submitted,) = stage.of(SubmitFinal)
    assert (submitted.job.start_ms, submitted.job.end_ms) == (0, 3_488)
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]


def test_a_cleared_utterance_gets_no_final_and_its_number_is_used_again() -> None:
    stage = Stage(endpointing=False)
    stage.speak(1.0)
    stale = stage.of(SubmitPreview)[-1]
    stage.receive(Clear())
    assert stage.session.is_idle
    stage.speak(1.0)
    assert [event.utterance for event in stage.events(SpeechStarted)] == [1, 1]
    assert stage.answer(stale, "", "dropped words") == [], "the preview of the cleared audio is not shown"
    stage.receive(Finalize())
    (submitted,) = stage.of(SubmitFinal)
    assert (submitted.job.utterance, submitted.job.start_ms) == (1, 992)
    assert submitted.job.attempt > stale.job.attempt


def test_clearing_withdraws_an_early_final() -> None:
    stage = Stage()
    stage.speak(1.0)
    stage.answer(stage.of(SubmitPreview)[-1], "", "one")
    stage.be_silent(0.3)
    assert [final.early for final in stage.of(SubmitFinal)] == [True]
    stage.receive(Clear())
    assert len(stage.of(WithdrawEarlyFinal)) == 1
    stage.be_silent(2.0)
    assert stage.events(SpeechEnded) == []


def test_endpointing_can_be_switched_on_again() -> None:
    stage = Stage(endpointing=False)
    stage.speak(1.0)
    stage.receive(Configure(endpointing=True))
    stage.be_silent(1.0)
    assert [event.utterance for event in stage.events(SpeechEnded)] == [1]


def test_silence_alone_can_be_finalized() -> None:
    stage = Stage(endpointing=False)
    stage.be_silent(1.0)
    stage.receive(Finalize())
    assert [final.job.utterance for final in stage.of(SubmitFinal)] == [1]
    assert stage.session.pending_finals == 1


def test_endpointing_that_is_switched_off_in_a_pause_loses_no_speech() -> None:
    stage = Stage()
    stage.speak(1)
    stage.be_silent(0.3)
    (early,) = stage.of(SubmitFinal)
    stage.receive(Configure(endpointing=False))
    stage.speak(3)
    stage.receive(Finalize())
    assert stage.of(WithdrawEarlyFinal) == [WithdrawEarlyFinal(1, early.job.attempt)]
    last = stage.of(SubmitFinal)[-1]
    assert last.job.end_ms - last.job.start_ms > 4_000, "the final contains what was said after the pause"
