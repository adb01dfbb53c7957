"""The results of audio jobs."""

from dataclasses import replace
from typing import Any

from backend.messages.jobs import AudioJob, FinalResult, PartialResult
from backend.messages.protocol import Final
from stt_worker.outcomes import final_outcome, preview_outcome
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord


def job(kind: Any, **fields: Any) -> AudioJob:
    times = {"start_ms": 1_000, "end_ms": 4_000}
    given = {"kind": kind, "session": "s", "utterance": 1, "correlation_id": "c", "sent_at": 0.0, "language": "en"}
    return AudioJob.model_validate({**times, **given, **fields})


def spoken(*words: str) -> Hypothesis:
    """A hypothesis whose words last half a second each."""
    timed = tuple(RecognizedWord(word, i / 2, (i + 1) / 2, 0.9) for i, word in enumerate(words))
    return Hypothesis("".join(words).strip(), "en", 1.0, -0.2, 0.0, timed)


def partial(outcome: Any) -> PartialResult:
    (only,) = outcome.live
    assert isinstance(only, PartialResult)
    return only


def test_an_early_final_is_part_of_its_partial_if_the_session_wants_it() -> None:
    outcome = final_outcome(job("final", words=True, early_final=True), spoken(" Hello,", " world."))
    assert partial(outcome).early_final == outcome.durable[0]
    assert partial(outcome).tentative == "Hello, world."
    assert partial(final_outcome(job("final"), spoken(" Hello."))).early_final is None


def test_an_early_final_that_contradicts_committed_words_changes_no_caption() -> None:
    wanted = job("final", committed="Yellow", tentative=" w", early_final=True)
    shown = partial(final_outcome(wanted, spoken(" Hello,", " world.")))
    assert (shown.committed, shown.tentative) == ("Yellow", " w")
    assert shown.early_final is not None
    assert shown.early_final.text == "Hello, world."
    assert final_outcome(wanted.model_copy(update={"early_final": False}), spoken(" Hello.")).live == ()


def test_an_improbable_early_final_changes_no_caption() -> None:
    wanted = job("final", committed="Hello,", tentative=" word", early_final=True)
    doubtful = replace(spoken(" Hello,", " world."), avg_logprob=-0.4)
    shown = partial(final_outcome(wanted, doubtful))
    assert (shown.committed, shown.tentative) == ("Hello,", " word")
    assert shown.early_final is not None
    assert shown.early_final.text == "Hello, world."
    assert final_outcome(wanted.model_copy(update={"early_final": False}), doubtful).live == ()
    assert partial(final_outcome(wanted, spoken(" Hello,", " world."))).tentative == " world."


def test_partials_have_words_if_the_session_wants_them() -> None:
    shown = partial(preview_outcome(job("preview", partial_words=True), spoken(" Hello,", " world", " again.")))
    assert shown.words is not None
    assert "".join(word.word for word in shown.words) == shown.committed + shown.tentative
    assert [(word.start_ms, word.end_ms, word.confidence) for word in shown.words][:2] == [
        (1_000, 1_500, 0.9),
        (1_500, 2_000, 0.9),
    ]
    assert partial(preview_outcome(job("preview"), spoken(" Hello."))).words is None


def test_the_partial_of_an_early_final_has_the_words_of_the_final() -> None:
    shown = partial(final_outcome(job("final", partial_words=True), spoken(" Hello,", " world.")))
    assert [word.word for word in shown.words or ()] == [" Hello,", " world."]


def test_committed_words_in_place_of_a_withheld_text_have_none_of_its_words_and_tokens() -> None:
    loop = Hypothesis("na " * 40, "en", 1.0, -4.0, 0.99, spoken(*[" na"] * 40).words)
    options: dict[str, Any] = {"words": True, "decoding": True, "partial_words": True, "early_final": True}
    outcome = final_outcome(job("final", finals="stable", committed="Hello", **options), loop)
    (final,) = outcome.durable
    assert isinstance(final, Final)
    assert (final.text, final.words, final.decoding) == ("Hello", None, None)
    assert (partial(outcome).committed, partial(outcome).tentative, partial(outcome).words) == ("Hello", "", None)
    (kept,) = final_outcome(job("final", finals="stable", committed="Hello", **options), spoken(" Hello.")).durable
    assert isinstance(kept, Final)
    assert kept.words is not None
    assert kept.decoding is not None


def test_the_client_gets_no_internal_fields() -> None:
    event = partial(final_outcome(job("final", early_final=True), spoken(" Hello."))).event()
    assert "early_final" not in event.model_dump()


def formatted(committed: str = "", written: str = "", **fields: Any) -> dict[str, Any]:
    return {"formatting": ("fillers", "profanity", "numerals"), "committed": committed, "written": written, **fields}


def test_a_final_is_formatted_as_the_session_wants_it() -> None:
    said = spoken(" Um,", " twenty", " five", " fucking", " cats.")
    outcome = final_outcome(job("final", words=True, translate_to=("es",), **formatted()), said)
    (final,) = outcome.durable
    assert isinstance(final, FinalResult)
    assert (final.text, final.recognized) == ("25 f****** cats.", "Um, twenty five fucking cats.")
    assert [(word.word, word.start_ms, word.end_ms) for word in final.words or ()] == [
        (" 25", 1_500, 2_500),
        (" f******", 2_500, 3_000),
        (" cats.", 3_000, 3_500),
    ]
    assert outcome.transcript is not None
    assert outcome.transcript.text == final.text
    assert partial(outcome).tentative == final.text
    (plain,) = final_outcome(job("final"), said).durable
    assert type(plain) is Final


def test_a_final_of_filler_words_alone_has_no_text_and_no_translation() -> None:
    outcome = final_outcome(job("final", words=True, translate_to=("es",), **formatted()), spoken(" Um."))
    (final,) = outcome.durable
    assert isinstance(final, Final)
    assert (final.text, final.words, final.translate_to, outcome.transcript) == ("", None, (), None)


def test_committed_words_are_formatted_and_extended() -> None:
    words = (" Um,", " I", " have", " twenty", " five", " cats", " and", " dogs")
    state: dict[str, Any] = {"hypothesis": ()}
    recognized, written = ("", ""), ""
    for second in range(1, 9):
        wanted = job("preview", **formatted(recognized[0], written, partial_words=True, end_ms=1_000 * (second + 1)))
        wanted = wanted.model_copy(update={"tentative": recognized[1], **state})
        shown = partial(preview_outcome(wanted, spoken(*words[: 2 * second])))
        assert shown.committed.startswith(written)
        assert "".join(word.word for word in shown.words or ()) == shown.committed + shown.tentative
        recognized = shown.recognized or (shown.committed, shown.tentative)
        written, state = shown.committed, {"hypothesis": shown.hypothesis}
    assert recognized[0] == "Um, I have twenty five cats and dogs"
    assert written == "I have 25 cats and dogs"


def test_a_caption_continues_what_the_client_has_if_the_formatting_changes() -> None:
    on = job("preview", **formatted("Um, twenty", "Um, twenty"))
    shown = partial(preview_outcome(on, spoken(" Um,", " twenty", " five", " cats")))
    assert shown.committed == "Um, twenty"
    off = job("preview", committed="Um, twenty five", written="25")
    assert partial(preview_outcome(off, spoken(" Um,", " twenty", " five", " cats"))).committed == "25"


def test_a_stable_final_begins_with_the_written_words() -> None:
    wanted = job("final", words=True, **formatted("Um, I have", "I have", finals="stable"))
    (final,) = final_outcome(wanted, spoken(" Um,", " I", " have", " twenty", " cats.")).durable
    assert isinstance(final, Final)
    assert final.text == "I have 20 cats."
    changed = wanted.model_copy(update={"written": "Um, I have"})
    (final,) = final_outcome(changed, spoken(" Um,", " I", " have", " twenty", " cats.")).durable
    assert isinstance(final, Final)
    assert final.text == "Um, I have 20 cats."
