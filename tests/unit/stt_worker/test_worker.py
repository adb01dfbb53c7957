import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import EntryError, ModelError
from backend.messages.jobs import AudioJob, DraftWord, FinalResult, PartialResult
from backend.messages.protocol import DecodedToken, Decoding, Final
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from backend.streams.worker.batch_processor import Answer
from stt_worker.loading import load_turn_model
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedToken, RecognizedWord, Speech
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import PCM, job


class Bilingual(NullRecognizer):
    """Knows two languages, and fails on others, as a model does whose vocabulary lacks them."""

    languages = frozenset({"en", "zh"})

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        for speech in batch:
            assert {speech.language, speech.last_language} <= {None, "en", "zh"}
        return super().recognize(batch)


def language_of(outcome: Answer) -> str:
    if isinstance(outcome, EntryError):
        return outcome.code
    assert isinstance(outcome, Outcome)
    (final,) = outcome.durable
    assert isinstance(final, Final)
    return final.language


async def handled(recognizer: NullRecognizer, *languages: str | None, heard: str | None = None) -> list[str]:
    jobs = [job(number, language=language, heard=heard) for number, language in enumerate(languages, 1)]
    entries = [Entry(Shard(0), f"{one.utterance}-0", one, PCM) for one in jobs]
    return [language_of(outcome) for outcome in await SttWorker(recognizer, SttSettings()).handle(entries)]


async def test_a_language_that_the_model_lacks_fails_alone_in_its_batch() -> None:
    assert await handled(Bilingual(), "en", "fr", "zh", "xx") == [
        "en",
        "unsupported_language",
        "zh",
        "unsupported_language",
    ]
    assert await handled(Bilingual(), "fr") == ["unsupported_language"]


async def test_a_similar_language_takes_the_place_of_one_that_the_model_lacks() -> None:
    assert await handled(Bilingual(), "yue", None, heard="yue") == ["zh", "zh"]
    assert await handled(Bilingual(), None, heard="fr") == ["en"], "the last language is only a hint"


class Speaker(NullRecognizer):
    """Recognizes two words in any audio, and keeps what it was asked."""

    continues_drafts = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Speech] = []

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.asked += batch
        tokens = (RecognizedToken(7, b"Two", -0.105),)
        words = (RecognizedWord("Two", 0.1, 0.3, 0.9, tokens=tokens), RecognizedWord(" words", 0.3, 0.7, 0.8))
        return [Hypothesis("Two words", "en", 1.0, -0.1, 0.25, words, temperature=0.4) for _ in batch]


async def answered(recognizer: NullRecognizer, one: AudioJob) -> Outcome:
    (outcome,) = await SttWorker(recognizer, SttSettings()).handle([Entry(Shard(0), "1-0", one, PCM)])
    assert isinstance(outcome, Outcome)
    return outcome


async def test_a_preview_returns_its_words_as_the_draft_of_the_next_job() -> None:
    speaker = Speaker()
    (partial,) = (await answered(speaker, job(1, kind="preview", language="en"))).live
    assert isinstance(partial, PartialResult)
    assert [word.text for word in partial.draft] == ["Two", " words"]
    assert "draft" not in partial.event().model_dump(), "clients do not receive it"
    await answered(speaker, job(1, language="en", draft=partial.draft))
    assert [(word.text, word.end) for word in speaker.asked[1].draft] == [("Two", 0.3), (" words", 0.7)]
    await answered(speaker, job(1, language="en", draft=partial.draft, finals="stable"))
    assert speaker.asked[2].draft == (), "a stable final begins with the committed words instead"


async def test_a_final_tells_how_probable_its_language_is_only_if_it_was_detected() -> None:
    for language, probability in ((None, 1.0), ("en", None)):
        (found,) = (await answered(Speaker(), job(1, language=language))).durable
        assert isinstance(found, Final)
        assert found.language_probability == probability


async def test_a_recognizer_that_cannot_continue_drafts_receives_none() -> None:
    (partial,) = (await answered(NullRecognizer(), job(1, kind="preview", language="en"))).live
    assert isinstance(partial, PartialResult)
    assert partial.draft == ()


async def test_a_model_of_unknown_languages_receives_every_language() -> None:
    assert await handled(NullRecognizer(), "yue", "fr") == ["yue", "fr"]


async def test_a_final_describes_its_decoding_only_if_the_client_asks() -> None:
    speaker = Speaker()
    (plain,) = (await answered(speaker, job(1, language="en"))).durable
    (detailed,) = (await answered(speaker, job(1, language="en", decoding=True))).durable
    assert isinstance(plain, Final)
    assert isinstance(detailed, Final)
    assert plain.decoding is None
    assert detailed.decoding == Decoding(
        temperature=0.4, no_speech_probability=0.25, tokens=(DecodedToken(id=7, bytes=tuple(b"Two"), logprob=-0.105),)
    )
    assert detailed.words is None
    assert [(one.words, one.tokens) for one in speaker.asked] == [(False, False), (True, True)]


async def test_a_client_that_asks_for_tokens_gets_a_final_without_a_draft() -> None:
    speaker = Speaker()
    draft = (DraftWord(text="Two", start=0.1, end=0.3, probability=0.9),)
    await answered(speaker, job(1, language="en", draft=draft))
    await answered(speaker, job(1, language="en", draft=draft, decoding=True))
    assert [len(one.draft) for one in speaker.asked] == [1, 0]


class Slow(NullRecognizer):
    """Takes long enough for the real-time factor to have a digit."""

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        time.sleep(0.01)
        return super().recognize(batch)


async def test_all_entries_but_previews_count_in_the_real_time_factor() -> None:
    for one, counts in ((job(1), True), (job(1, priority="recording"), True), (job(1, kind="preview"), False)):
        worker = SttWorker(Slow(), SttSettings())
        await worker.handle([Entry(Shard(0), "1-0", one, PCM)])
        assert bool(worker.report()["real_time_factor"]) is counts


class Judge:
    """Judges each piece of audio by its length, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def probability(self, samples: NDArray[np.float32]) -> float:
        self.asked.append(len(samples))
        return len(samples) / 100_000


class SlowJudge(Judge):
    """Takes half a second for each piece of audio."""

    def probability(self, samples: NDArray[np.float32]) -> float:
        time.sleep(0.5)
        return super().probability(samples)


class BrokenJudge(Judge):
    def probability(self, samples: NDArray[np.float32]) -> float:
        raise RuntimeError("wrong model")


async def test_only_early_finals_with_words_are_judged() -> None:
    jobs = [
        job(1, language="en", judge_turn=True),
        job(2, language="en"),
        job(3, language="en", judge_turn=True, early_final=True),
    ]
    audio = [bytes(2 * 10_000), bytes(2 * 20_000), bytes(2 * 30_000)]
    entries = [Entry(Shard(0), f"{one.utterance}-0", one, pcm) for one, pcm in zip(jobs, audio, strict=True)]
    judge = Judge()
    outcomes = await SttWorker(Speaker(), SttSettings(), judge).handle(entries)
    assert sorted(judge.asked) == [10_000, 30_000]
    assert [partial_of(outcome).turn_probability for outcome in outcomes] == [0.1, None, 0.3]
    assert partial_of(outcomes[2]).early_final is not None
    (outcome,) = await SttWorker(NoWords(), SttSettings(), Judge()).handle(entries[:1])
    assert partial_of(outcome).turn_probability is None, "noise looks finished to the model"


@pytest.mark.parametrize("judge", [SlowJudge(), BrokenJudge()])
async def test_a_slow_or_broken_judge_costs_no_text(judge: Judge) -> None:
    jobs = [job(number, language="en", judge_turn=number > 1) for number in range(1, 9)]
    entries = [Entry(Shard(0), f"{one.utterance}-0", one, PCM) for one in jobs]
    began = time.monotonic()
    outcomes = await SttWorker(Speaker(), SttSettings(), judge).handle(entries)
    assert time.monotonic() - began < 0.45, "the texts do not wait for eight judgements"
    assert [partial_of(outcome).tentative for outcome in outcomes] == ["Two words"] * 8
    assert {partial_of(outcome).turn_probability for outcome in outcomes} == {None}


async def test_a_model_whose_libraries_are_missing_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "smart-turn-v3.2").mkdir()
    monkeypatch.setenv("NOVA_MODELS_DIR", str(tmp_path))
    (tmp_path / "smart-turn-v3.2" / "smart-turn.onnx").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "stt_worker.recognizers.turn_model", None)
    assert load_turn_model(SttSettings()) is None
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_turn_model(SttSettings(turn_model="smart-turn"))


async def test_without_a_model_nothing_is_judged() -> None:
    outcome = await answered(Speaker(), job(1, language="en", judge_turn=True))
    assert partial_of(outcome).turn_probability is None


def test_the_model_is_optional_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOVA_CACHE_DIR", "NOVA_MODELS_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    assert load_turn_model(SttSettings()) is None
    assert load_turn_model(SttSettings(turn_model="")) is None
    with pytest.raises(ModelError, match="smart-turn"):
        load_turn_model(SttSettings(turn_model="smart-turn"))


class NoWords(NullRecognizer):
    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        return [Hypothesis("", "en", 1.0, -0.1, 0.9) for _ in batch]


def partial_of(outcome: Answer) -> PartialResult:
    assert isinstance(outcome, Outcome)
    (partial,) = outcome.live
    assert isinstance(partial, PartialResult)
    return partial


class Transcriber(NullRecognizer):
    """Cannot translate, as English-only and turbo models."""

    translates = False


async def test_a_task_that_the_model_lacks_fails_alone_in_its_batch() -> None:
    jobs = [job(1, language="fr"), job(2, language="fr", task="translate")]
    entries = [Entry(Shard(0), f"{one.utterance}-0", one, PCM) for one in jobs]
    outcomes = await SttWorker(Transcriber(), SttSettings()).handle(entries)
    assert [language_of(outcome) for outcome in outcomes] == ["fr", "unsupported_task"]


async def test_a_translation_is_in_english_and_the_gateway_learns_the_spoken_language() -> None:
    translated: dict[str, Any] = {"task": "translate", "translate_to": ("es",)}
    outcome = await answered(NullRecognizer(), job(1, heard="fr", **translated))
    (found,) = outcome.durable
    assert isinstance(found, FinalResult)
    assert (found.language, dict(found.languages)) == ("en", {"fr": 1.0})
    assert outcome.transcript is not None
    assert outcome.transcript.language == "en", "it is translated further from English"
    (partial,) = (await answered(NullRecognizer(), job(1, kind="preview", language="fr", **translated))).live
    assert isinstance(partial, PartialResult)
    assert (partial.language, partial.spoken_language) == ("en", "fr")
    assert "spoken_language" not in partial.event().model_dump()
    (english,) = (await answered(NullRecognizer(), job(1, kind="preview", language="en", **translated))).live
    assert isinstance(english, PartialResult)
    assert (english.language, english.spoken_language) == ("en", "")


async def test_a_translation_neither_has_a_draft_nor_continues_one() -> None:
    speaker = Speaker()
    preview = job(1, kind="preview", language="fr", task="translate")
    (partial,) = (await answered(speaker, preview)).live
    assert isinstance(partial, PartialResult)
    assert partial.draft == ()
    assert speaker.asked[0].translate
