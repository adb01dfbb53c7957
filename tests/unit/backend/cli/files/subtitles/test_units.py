"""Timed words are divided into pieces with their own times."""

from hypothesis import given
from hypothesis import strategies as st

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText, TimedWord, spoken, translated, units_of
from backend.messages.protocol import Final, Word


def final(text: str, *words: Word) -> Final:
    times = words or None
    return Final(utterance=1, text=text, language="en", confidence=1, start_ms=1000, end_ms=3000, words=times)


def pieces(*utterances: TimedText) -> list[tuple[str, int, int]]:
    return [(" " * u.spaced + u.text, u.start_ms, u.end_ms) for u in units_of(utterances, CueLimits())]


def test_word_times_are_used_when_the_words_are_the_text() -> None:
    heard = spoken(final("Hello", Word(word=" Hello", start_ms=1100, end_ms=1500, confidence=1)))
    assert heard == TimedText([TimedWord(" Hello", 1100, 1500)], "en")


def test_word_times_are_used_when_only_the_spaces_differ() -> None:
    words = [Word(word=word, start_ms=1100, end_ms=1500, confidence=1) for word in ("今天", " 很好")]
    assert pieces(spoken(final("今天很好", *words))) == [("今天", 1100, 1500), (" 很好", 1100, 1500)]


def test_word_times_are_not_used_when_the_words_are_another_text() -> None:
    heard = spoken(final("Hello you", Word(word=" Hello", start_ms=1100, end_ms=1500, confidence=1)))
    assert pieces(heard) == [("Hello", 1000, 2111), (" you", 2333, 3000)]


def test_a_translation_is_spread_over_the_speech() -> None:
    words = [
        Word(word=f" {w}", start_ms=s, end_ms=s + 100, confidence=1) for w, s in (("Bonjour", 1200), ("Jean", 1900))
    ]
    there = translated(final("Bonjour Jean", *words), "Hi, John", "en")
    assert pieces(there) == [("Hi,", 1200, 1500), (" John", 1600, 2000)]


def test_characters_of_a_script_without_spaces_have_the_time_of_their_word() -> None:
    words = [TimedWord("今天天", 0, 300), TimedWord("气很好。", 400, 800)]
    assert pieces(TimedText(words, "zh")) == [("今天", 0, 200), ("天气", 200, 500), ("很好。", 500, 800)]


def test_a_word_that_is_longer_than_a_line_is_divided() -> None:
    assert [text for text, *_ in pieces(TimedText([TimedWord("ha" * 50, 0, 1000)], "en"))] == [
        "ha" * 21,
        "ha" * 21,
        "ha" * 8,
    ]
    assert [text for text, *_ in pieces(TimedText([TimedWord("Internationalization化", 0, 900)], "ja"))] == [
        "Internationalization",
        "化",
    ]


def test_utterances_are_separated_as_their_script_separates_sentences() -> None:
    def two(first: str, second: str, language: str) -> list[str]:
        texts = (TimedText([TimedWord(text, 0, 10)], language) for text in (first, second))
        return [text for text, *_ in pieces(*texts)]

    assert two("Hello.", "Yes.", "en") == ["Hello.", " Yes."]
    assert two("你好。", "好。", "zh") == ["你好。", "好。"]
    assert two("ครับ", "ครับ", "th") == ["ครับ", " ครับ"]


@given(
    st.text(st.sampled_from("aB,. \n\tの日。กำ한")),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000)), min_size=1, max_size=9),
)
def test_no_character_is_lost_and_times_never_decrease(text: str, times: list[tuple[int, int]]) -> None:
    words = [TimedWord(text, start, end) for start, end in times]
    units = units_of([TimedText(words, "ja")], CueLimits())
    assert "".join("".join(unit.text for unit in units).split()) == "".join((text * len(times)).split())
    assert [unit.start_ms for unit in units] == sorted(unit.start_ms for unit in units)
    assert all(unit.start_ms <= unit.end_ms for unit in units)
