"""Captions of an utterance whose formatting, language or worker changes: no word is lost, and none is written twice."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import AudioJob, PartialResult
from backend.messages.options import Formatting
from backend.messages.protocol import Final
from gateway.session.utterance import OpenUtterance
from stt_worker.formatting.formatter import Formatter
from stt_worker.outcomes import final_outcome, preview_outcome
from stt_worker.recognizers.recognizer import Hypothesis, IgnoredPart, RecognizedWord

Kinds = tuple[Formatting, ...]
N: Kinds = ("numerals",)
ALL: Kinds = ("fillers", "profanity", "numerals")
# How spoken words may be written, also parts of a number. All other words stay as they are.
SPELLINGS = {
    "20": "twenty",
    "25": "twenty five",
    "30": "thirty",
    "200": "two hundred",
    "1002": "thousand two",
    "1200": "thousand two hundred",
    "3000": "three thousand",
    "3002": "three thousand two",
    "3200": "three thousand two hundred",
    "f***": "fuck",
}
NOUNS = ["cats", "dogs", "cows", "hens", "ducks", "pigs", "bees", "rams", "bulls", "goats"]
BETWEEN = ["twenty five", "thirty", "three thousand two hundred", "fuck", "um", "and um", "", ""]


@dataclass
class Chain:
    """The jobs of one utterance. Each has the state that the partial before it has left in the gateway."""

    utterance: OpenUtterance

    def job(self, kind: Literal["preview", "final"], formatting: Kinds, seconds: float) -> AudioJob:
        utterance = self.utterance
        return AudioJob(
            kind=kind,
            session="s",
            utterance=1,
            correlation_id="c",
            sent_at=0.0,
            start_ms=0,
            end_ms=round(1000 * seconds),
            heard="en",
            finals="stable",
            formatting=formatting,
            committed=utterance.committed,
            written=utterance.written if formatting or utterance.shown else "",
            tentative=utterance.tentative,
            hypothesis=utterance.hypothesis,
        )

    def preview(
        self, said: str, seconds: float, formatting: Kinds = N, language: str = "en", *, old: bool = False
    ) -> str:
        """The committed text after a preview. `old`: a worker that does not format."""
        job = self.job("preview", formatting, seconds)
        given = job.model_copy(update={"formatting": (), "written": ""}) if old else job
        (partial,) = preview_outcome(given, spoken(said, language)).live
        assert isinstance(partial, PartialResult)
        self.utterance.apply_partial(self.utterance.without_contradiction(partial), 0.0)
        return self.utterance.written

    @property
    def caption(self) -> str:
        shown = self.utterance.shown or (self.utterance.committed, self.utterance.tentative)
        return "".join(shown)

    def final(self, said: str, seconds: float = 60.0, formatting: Kinds = N, language: str = "en") -> str:
        (final,) = final_outcome(self.job("final", formatting, seconds), spoken(said, language)).durable
        assert isinstance(final, Final)
        return final.text


def spoken(text: str, language: str = "en") -> Hypothesis:
    words = [f" {word}" for word in text.split()]
    timed = tuple(RecognizedWord(word, i * 0.4, i * 0.4 + 0.35, 0.95) for i, word in enumerate(words))
    return Hypothesis(text, language, 1.0, -0.1, 0.0, timed)


def words_of(text: str) -> list[str]:
    """The spoken words of a text without fillers."""
    spelled = " ".join(SPELLINGS.get(word, word) for word in text.split())
    return [word for word in spelled.split() if word != "um"]


def chain() -> Chain:
    return Chain(OpenUtterance(1))


SAID = "we have twenty five cows and three thousand two hundred sheep on the farm near the river today"


@pytest.mark.parametrize(
    ("before", "after"),
    [(((), "en"), (N, "en")), ((N, "en"), ((), "en")), ((N, "en"), (N, "nl")), ((N, "nl"), (N, "en"))],
)
def test_no_word_is_lost_if_the_options_or_the_language_change(before: Any, after: Any) -> None:
    utterance, words = chain(), SAID.split()
    for count, seconds in ((4, 2), (6, 4.5), (6, 7)):
        utterance.preview(" ".join(words[:count]), seconds, *before)
    for count, seconds in ((10, 7.5), (11, 10), (13, 12.5), (15, 15), (17, 17.5)):
        utterance.preview(" ".join(words[:count]), seconds, *after)
        assert words_of(utterance.caption) == words[:count]
    # The caption grows although it was begun in another way.
    assert len(words_of(utterance.utterance.written)) >= 13
    assert words_of(utterance.final(SAID, 18, *after)) == words


def test_no_word_is_lost_if_only_the_final_has_another_language() -> None:
    utterance, said = chain(), "we have twenty five cows and three thousand two hundred sheep"
    for count, seconds in ((4, 2), (6, 4.5), (9, 6.5), (9, 9)):
        utterance.preview(" ".join(said.split()[:count]), seconds)
    assert utterance.final(said, 10, language="nl") == "we have 25 cows and three thousand two hundred sheep"


def test_a_worker_that_does_not_format_changes_no_committed_words() -> None:
    utterance, words = chain(), SAID.split()
    for count, seconds in ((4, 2), (6, 4.5), (6, 7)):
        utterance.preview(" ".join(words[:count]), seconds)
    assert utterance.preview(" ".join(words[:10]), 9, old=True) == "we have 25 cows and"
    utterance.preview(" ".join(words[:11]), 11)
    assert utterance.preview(" ".join(words[:13]), 13.5).startswith("we have 25 cows and 3200")
    assert words_of(utterance.final(SAID)) == words


@st.composite
def sentences(draw: st.DrawFn) -> list[str]:
    """Different nouns with numbers, profanity and fillers between them."""
    nouns = draw(st.lists(st.sampled_from(NOUNS), min_size=2, max_size=5, unique=True))
    # Repetitions would be withheld.
    between = draw(st.permutations(BETWEEN))
    return " ".join(f"{words} {noun}" for words, noun in zip(between, nouns, strict=False)).split()


STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),  # words more than before
        st.sampled_from([0.5, 1.0, 2.5]),
        st.sampled_from([(), N, ALL, ("fillers",), ("profanity",)]),
        st.sampled_from(["en", "en", "nl", "de", "xx"]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=12,
)


@given(words=sentences(), steps=STEPS, final=st.tuples(st.sampled_from([N, ALL]), st.sampled_from(["en", "nl", "xx"])))
def test_any_chain_of_jobs_writes_each_word_once(words: list[str], steps: list[Any], final: Any) -> None:
    utterance, count, seconds, before = chain(), 1, 1.0, ""
    for more, later, formatting, language, old in steps:
        count, seconds = min(len(words), count + more), seconds + later
        committed = utterance.preview(" ".join(words[:count]), seconds, formatting, language, old=old)
        assert committed.startswith(before)
        shown = words_of(utterance.caption)
        spoken_words = words_of(" ".join(words))
        assert shown == spoken_words[: len(shown)]
        before = committed
    text = utterance.final(" ".join(words), seconds + 1, *final)
    assert text.startswith(before)
    assert words_of(text) == words_of(" ".join(words))


def resumed(committed: str) -> Chain:
    utterance = OpenUtterance(1)
    utterance.resume(committed, is_formatted=True)
    return Chain(utterance)


@pytest.mark.parametrize(
    ("committed", "said", "whole"),
    [
        (
            "we have 25 cows and",
            "we have twenty five cows and three thousand two hundred sheep",
            "we have 25 cows and 3200 sheep",
        ),
        (
            "they sold 3256 sheep",
            "they sold three thousand two hundred fifty six sheep yesterday",
            "they sold 3256 sheep yesterday",
        ),
        ("call 5 5 5 1 2 and", "call five five five one two and ask for Tom", "call 5 5 5 1 2 and ask for Tom"),
        ("so I think that f***", "um so I um think that fuck this is bad", "so I think that f*** this is bad"),
        ("we saw 25 cows", "we have twenty five cows there", "we saw 25 cows there"),
    ],
)
def test_a_resumed_client_gets_the_words_after_those_that_it_has(committed: str, said: str, whole: str) -> None:
    utterance, words = resumed(committed), said.split()
    assert utterance.preview(" ".join(words[:2]), 0.9, ALL) == committed
    assert utterance.caption == committed
    utterance.preview(said, 6.0, ALL)
    assert utterance.caption == whole
    assert utterance.final(said, formatting=ALL) == whole
    # The prefix of a stable final is recognized text, and that is not known.
    assert resumed(committed).job("final", ALL, 5.0).committed == ""
    assert resumed(committed).final(said, formatting=ALL) == whole
    assert resumed(committed).final("", formatting=ALL) == committed


def test_a_resumed_caption_is_committed_on_once_its_words_are_recognized_again() -> None:
    utterance, words = resumed("we have 25 cows and"), SAID.split()
    for count, seconds in ((6, 5), (11, 7.5), (13, 10)):
        utterance.preview(" ".join(words[:count]), seconds)
    assert utterance.utterance.written == "we have 25 cows and 3200 sheep"
    assert utterance.utterance.committed == "we have twenty five cows and three thousand two hundred sheep"


def test_a_stable_final_does_not_bring_back_the_words_of_another_voice() -> None:
    job = chain().job("final", N, 5.0).model_copy(update={"committed": "twenty five cows", "written": "25 cows"})
    ignored = replace(spoken(""), ignored=(IgnoredPart(0.0, None, "other_voice", 0.1),))
    (final,) = final_outcome(job, ignored).durable
    assert isinstance(final, Final)
    assert final.text == ""


def test_an_error_in_the_rules_costs_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(formatter: Formatter, text: str) -> str:
        if formatter.wanted:
            raise KeyError(text)
        return text

    monkeypatch.setattr(Formatter, "complete", fail)
    utterance = chain()
    utterance.preview("we have twenty five cows", 3.0)
    assert utterance.caption == "we have twenty five cows"
    assert utterance.final("we have twenty five cows") == "we have twenty five cows"
