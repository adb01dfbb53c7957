"""Hallucinated text is withheld; speech is not, however short or repetitive."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.guards import CREDITS, FILLERS, display_width, loop_start, retry_reason, withhold_reason
from stt_worker.recognizers.recognizer import Hypothesis

SENTENCE = " I knew well enough that he might be carried thousands of miles in the box car."


def heard(text: str, avg_logprob: float = -0.3, no_speech: float = 0.05) -> Hypothesis:
    return Hypothesis(text, "en", 1.0, avg_logprob, no_speech)


def objected(text: str, seconds: float = 6.0, avg_logprob: float = -0.3) -> str:
    return retry_reason(text, text.split(), seconds, avg_logprob)


def test_plain_speech_is_neither_decoded_again_nor_withheld() -> None:
    assert objected(SENTENCE) == ""
    assert withhold_reason(heard(SENTENCE), 6.0) == ""


@pytest.mark.parametrize("text", ["Thank you.", "Bye.", "You", "Gracias.", "So", "Music.", "ありがとうございました"])
def test_fillers_are_kept_at_high_confidence(text: str) -> None:
    assert withhold_reason(heard(text), 1.2) == ""


@pytest.mark.parametrize("text", ["Thank you.", "you", "Obrigado.", "Спасибо."])
def test_fillers_are_withheld_at_low_confidence(text: str) -> None:
    assert withhold_reason(heard(text, avg_logprob=-0.9), 5.0) == "filler"
    assert withhold_reason(heard(text, no_speech=0.75), 5.0) == "filler"


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for watching!",
        "Subtitles by the Amara.org community",
        "Untertitel der Amara.org-Community",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sottotitoli creati dalla comunità Amara.org",
        "¡Gracias por ver el vídeo!",
        "Продолжение следует...",
        "ご視聴ありがとうございました",
        "字幕由Amara.org社区提供",
        "시청해 주셔서 감사합니다.",
    ],
)
def test_subtitle_credits_are_withheld_at_low_confidence_in_every_language(text: str) -> None:
    assert withhold_reason(heard(text, avg_logprob=-0.6), 5.0) == "credit"
    assert withhold_reason(heard(text, avg_logprob=-0.1), 5.0) == ""


def test_credits_need_more_confidence_in_very_short_audio() -> None:
    assert withhold_reason(heard("Thanks for watching!", avg_logprob=-0.4), 5.0) == ""
    assert withhold_reason(heard("Thanks for watching!", avg_logprob=-0.4), 1.0) == "credit"


def test_a_sentence_that_only_mentions_subtitles_is_kept() -> None:
    assert withhold_reason(heard("The subtitles of this film are late.", avg_logprob=-0.9), 5.0) == ""


def test_improbable_text_over_silence_is_withheld() -> None:
    assert withhold_reason(heard("I don't know what to do.", avg_logprob=-1.4, no_speech=0.5), 10.0) == "no_speech"


def test_text_of_a_second_decode_needs_a_higher_probability() -> None:
    again = replace(heard("So lucky.", avg_logprob=-0.8, no_speech=0.4), retried="loop")
    assert withhold_reason(again, 2.0) == "no_speech"
    assert withhold_reason(replace(again, retried=""), 2.0) == ""
    assert withhold_reason(replace(again, no_speech_probability=0.1), 2.0) == ""


def test_very_improbable_text_is_withheld_even_over_certain_speech() -> None:
    assert withhold_reason(heard("1.5%牛肉", avg_logprob=-2.4, no_speech=0.05), 5.0) == "improbable"


def test_improbable_text_is_kept_where_speech_is_certain() -> None:
    assert withhold_reason(heard("Zau al Makan", avg_logprob=-1.4, no_speech=0.02), 2.0) == ""


@pytest.mark.parametrize("text", ["...", "♪ ♪", "―", ". ."])
def test_text_without_a_letter_is_withheld(text: str) -> None:
    assert withhold_reason(heard(text), 5.0) == "no_letters"


def test_empty_text_is_not_withheld() -> None:
    assert withhold_reason(heard("", avg_logprob=-3, no_speech=0.9), 5.0) == ""


def test_repetitive_text_is_decoded_again_and_then_withheld() -> None:
    numbers = "4-" + "5-" * 60
    assert objected(numbers, 20.0) == "repetitive"
    assert withhold_reason(heard(numbers, avg_logprob=-0.05), 20.0) == "repetitive"


def test_a_sentence_repeated_at_the_end_is_decoded_again() -> None:
    assert objected(SENTENCE * 2, 20.0) == "loop"


def test_more_text_than_can_be_spoken_is_decoded_again() -> None:
    assert objected(SENTENCE, 0.3) == "too_fast"
    assert objected("我们今天去北京大学看一位老朋友然后一起吃晚饭", 4.0) == ""


def test_improbable_text_is_decoded_again() -> None:
    assert objected(SENTENCE, avg_logprob=-1.1) == "improbable"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no no no no", "no no no no"),
        ("no no no no no no", "no"),
        ("it was. it was. it was. it was. it was. it was.", "it was."),
        ("and all is well and all is well", "and all is well"),
        ("he said: Leave it alone! leave it alone, leave it", "he said: Leave it alone!"),
        ("leave it alone, leave it alone, he said", "leave it alone, leave it alone, he said"),
        ("", ""),
    ],
)
def test_a_loop_keeps_its_first_round(text: str, kept: str) -> None:
    words = text.split()
    assert " ".join(words[: loop_start(words)]) == kept


def test_a_loop_is_found_in_scripts_without_spaces() -> None:
    words = list("好的我知道了今天天气很好我们走吧") + list("今天天气很好我们走吧") * 2
    assert "".join(words[: loop_start(words)]) == "好的我知道了今天天气很好我们走吧"


def test_two_rounds_are_no_loop_if_three_are_required() -> None:
    words = ["and", "all", "is", "well", "and", "all", "is", "well"]
    assert loop_start(words, rounds=3) == len(words)
    assert loop_start(words + words[:4], rounds=3) == 4


phonetic = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
words = st.lists(st.sampled_from(phonetic), max_size=12)


@given(words, st.integers(2, 4))
def test_cutting_a_loop_keeps_a_nonempty_beginning(said: list[str], rounds: int) -> None:
    keep = loop_start(said, rounds)
    assert (keep > 0) == bool(said)
    assert keep <= len(said)


@given(words, st.integers(2, 5))
def test_a_phrase_repeated_to_the_end_is_always_cut(start: list[str], rounds: int) -> None:
    phrase = ["one", "more", "time", "please"]
    assert loop_start(start + phrase * rounds) <= len(start) + len(phrase)


def test_wide_characters_count_twice_and_marks_do_not_count() -> None:
    assert display_width("ab, 12") == 4
    assert display_width("你好。") == 4
    assert display_width("हिन्दी") == 3


def test_no_credit_is_so_short_that_it_begins_ordinary_sentences() -> None:
    for phrase in CREDITS.replace("\n", "|").split("|"):
        assert not phrase.strip() or display_width(phrase) >= 6, phrase
    assert "thank you" in FILLERS


def test_a_single_improbable_sentence_over_a_long_noise_is_withheld() -> None:
    assert withhold_reason(heard("I never want to go in the first place.", avg_logprob=-0.97), 18.4) == "sparse"


def test_slow_speech_is_kept_at_high_confidence() -> None:
    assert withhold_reason(heard("I never want to go.", avg_logprob=-0.4), 18.4) == ""


def test_a_probable_silence_with_an_improbable_text_is_withheld() -> None:
    assert withhold_reason(heard("Okay, thank you very much.", avg_logprob=-0.97, no_speech=0.79), 2.3) == "no_speech"
    assert withhold_reason(heard("Okay, thank you very much.", avg_logprob=-0.6, no_speech=0.79), 2.3) == ""
