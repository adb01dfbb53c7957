"""Subtitle cues and their formats."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.cli.files.subtitles import (
    LINE_COLUMNS,
    MAX_CUE_MS,
    MAX_LINES,
    MIN_CUE_MS,
    Cue,
    TimedWord,
    split_into_cues,
    spread_words,
    timed_words,
    to_srt,
    to_vtt,
)
from backend.messages.protocol import Final, Word

ALPHABET = "aB'é.,!?—的日。，한"
random_words = st.lists(
    st.builds(
        TimedWord,
        text=st.builds(str.__add__, st.sampled_from([" ", " ", ""]), st.text(ALPHABET, min_size=1, max_size=12)),
        start_ms=st.integers(0, 60_000),
        end_ms=st.integers(0, 60_000),
    ),
    min_size=1,
    max_size=60,
)


def even(text: str, start_ms: int = 0, each_ms: int = 300) -> list[TimedWord]:
    """Words that follow each other at an even pace."""
    words = text.split()
    return [TimedWord(f" {w}", start_ms + i * each_ms, start_ms + (i + 1) * each_ms) for i, w in enumerate(words)]


def final(text: str, words: tuple[Word, ...] | None = None) -> Final:
    return Final(utterance=1, text=text, language="en", confidence=1, start_ms=1000, end_ms=3000, words=words)


def without_spaces(text: str) -> str:
    return "".join(text.split())


def columns(line: str) -> int:
    return sum(2 if character in "的日。，한" else 1 for character in line)


@given(st.lists(random_words, max_size=6))
def test_every_word_appears_once_and_in_order(utterances: list[list[TimedWord]]) -> None:
    shown = "".join("".join(cue.lines) for cue in split_into_cues(utterances))
    assert without_spaces(shown) == without_spaces("".join(word.text for words in utterances for word in words))


@given(st.lists(random_words, max_size=6))
def test_cues_are_in_order_and_never_overlap(utterances: list[list[TimedWord]]) -> None:
    shown = split_into_cues(utterances)
    assert all(cue.start_ms < cue.end_ms <= cue.start_ms + MAX_CUE_MS for cue in shown)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(shown))


@given(st.lists(random_words, max_size=6))
def test_a_cue_has_at_most_two_lines_of_42_columns(utterances: list[list[TimedWord]]) -> None:
    lines = [cue.lines for cue in split_into_cues(utterances)]
    assert all(1 <= len(block) <= MAX_LINES for block in lines)
    assert all(columns(line) <= LINE_COLUMNS for block in lines for line in block)


@given(st.text(st.sampled_from(ALPHABET + " \n"), max_size=300), st.integers(0, 50_000), st.integers(0, 30_000))
def test_text_without_times_is_spread_over_its_utterance(text: str, start_ms: int, length_ms: int) -> None:
    words = spread_words(text, start_ms, start_ms + length_ms)
    assert without_spaces("".join(word.text for word in words)) == without_spaces(text)
    assert all(before.end_ms == after.start_ms for before, after in pairwise(words))
    if words:
        assert (words[0].start_ms, words[-1].end_ms) == (start_ms, start_ms + length_ms)


def test_a_short_sentence_is_one_line_at_its_own_time() -> None:
    assert split_into_cues([even("Good evening, everybody.", 2000, 500)]) == [
        Cue(2000, 3500, ("Good evening, everybody.",))
    ]


def test_two_lines_are_about_equally_long() -> None:
    (cue,) = split_into_cues([even("The quick brown fox jumps over the lazy dog again.")])
    assert cue.lines == ("The quick brown fox jumps", "over the lazy dog again.")


def test_a_long_utterance_breaks_where_a_sentence_ends() -> None:
    text = "We left the house at six in the morning. The road was empty and it had rained all night long before."
    first, second = split_into_cues([even(text)])
    assert " ".join(first.lines) == "We left the house at six in the morning."
    assert " ".join(second.lines) == "The road was empty and it had rained all night long before."


def test_without_punctuation_it_breaks_at_the_longest_pause() -> None:
    words = even("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
    late = [TimedWord(w.text, w.start_ms + 400, w.end_ms + 400) for w in words[10:]]
    first, second = split_into_cues([words[:10] + late])
    assert " ".join(first.lines).endswith("nine ten")
    assert second.start_ms == 3400


def test_without_pauses_it_breaks_so_that_no_word_is_left_alone() -> None:
    words = even(
        "for example you can create projects for a call centre using English in the United States", each_ms=200
    )
    assert [cue.lines for cue in split_into_cues([words])] == [
        ("for example you can create", "projects for a call"),
        ("centre using English in the United States",),
    ]


def test_slow_speech_breaks_so_that_no_cue_lasts_more_than_seven_seconds() -> None:
    shown = split_into_cues([even("a b c d e f g h i", each_ms=1500)])
    assert [cue.lines for cue in shown] == [("a b c",), ("d e f",), ("g h i",)]


def test_a_short_cue_is_extended_to_a_second_if_there_is_room() -> None:
    yes, no, maybe = split_into_cues(
        [[TimedWord("Yes.", 0, 200)], [TimedWord("No.", 500, 600)], [TimedWord("Maybe.", 5000, 5100)]]
    )
    assert (yes.end_ms, no.end_ms, maybe.end_ms) == (500, 500 + MIN_CUE_MS, 5000 + MIN_CUE_MS)


def test_chinese_breaks_between_characters_and_never_before_punctuation() -> None:
    text = "他的做法遭到了很多人的反对，因为他们认为这样做不公平，也不合理，所以大家决定明天再讨论一次这个问题。"
    shown = split_into_cues([spread_words(text, 0, 14_000)])
    assert "".join("".join(cue.lines) for cue in shown) == text
    assert all(line[0] not in "，。" and len(line) <= LINE_COLUMNS // 2 for cue in shown for line in cue.lines)


def test_word_times_are_used_when_the_words_are_the_text() -> None:
    words = (Word(word=" Hello", start_ms=1100, end_ms=1500, confidence=1),)
    assert timed_words(final("Hello", words)) == [TimedWord(" Hello", 1100, 1500)]


def test_word_times_are_not_used_when_the_words_are_another_text() -> None:
    words = (Word(word=" Hello", start_ms=1100, end_ms=1500, confidence=1),)
    assert timed_words(final("Hello you", words)) == [TimedWord("Hello", 1000, 2111), TimedWord(" you", 2111, 3000)]


def test_srt_is_numbered_and_has_commas_in_its_times() -> None:
    shown = [Cue(0, 1500, ("Hello",)), Cue(3_723_004, 3_724_000, ("Two", "lines"))]
    assert to_srt(shown) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n01:02:03,004 --> 01:02:04,000\nTwo\nlines\n"
    )


def test_vtt_has_a_header_and_escapes_markup() -> None:
    assert to_vtt([Cue(0, 1500, ("a < b & c --> d",))]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na &lt; b &amp; c --&gt; d\n"
    )


def test_no_speech_gives_a_valid_file_without_cues() -> None:
    assert split_into_cues([[]]) == []
    assert (to_srt([]), to_vtt([])) == ("", "WEBVTT\n")
