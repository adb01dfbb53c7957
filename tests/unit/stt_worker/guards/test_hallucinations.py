"""Hallucinated text is withheld; speech is not, however short or repetitive."""

from dataclasses import replace

import pytest

from stt_worker.guards.hallucinations import CREDITS, FILLERS, retry_reason, withhold_reason
from stt_worker.guards.repetitions import Repetition, display_width
from stt_worker.recognizers.recognizer import Hypothesis

SENTENCE = " I knew well enough that he might be carried thousands of miles in the box car."


def heard(text: str, avg_logprob: float = -0.3, no_speech: float = 0.05) -> Hypothesis:
    return Hypothesis(text, "en", 1.0, avg_logprob, no_speech)


def objected(text: str, seconds: float = 6.0, avg_logprob: float = -0.3) -> str:
    return retry_reason(text, seconds, avg_logprob)


def test_plain_speech_is_neither_decoded_again_nor_withheld() -> None:
    assert objected(SENTENCE) == ""
    assert withhold_reason(heard(SENTENCE), 6.0) == ""


@pytest.mark.parametrize("text", ["Thank you.", "Bye.", "You", "Gracias.", "So", "Music.", "ありがとうございました"])
def test_fillers_are_kept_at_high_confidence(text: str) -> None:
    assert withhold_reason(heard(text), 1.2) == ""


@pytest.mark.parametrize("text", ["Thank you.", "you", "Er...", "Obrigado.", "Спасибо."])
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


def test_repetitive_text_is_withheld_unless_the_audio_contains_the_repetitions() -> None:
    numbers = heard("4-" + "5-" * 60, avg_logprob=-0.05)
    assert withhold_reason(numbers, 20.0) == "repetitive"
    assert withhold_reason(replace(numbers, repetition_spoken=True), 20.0) == ""


def test_text_that_repeats_what_the_audio_does_not_contain_is_decoded_again() -> None:
    text = SENTENCE * 2
    for keep, is_spoken, is_certain, reason in [
        (17, False, False, "loop"),
        (34, False, False, "repetitive"),
        (34, True, False, "loop"),
        (34, True, True, ""),
    ]:
        assert retry_reason(text, 20.0, -0.3, Repetition(keep, 34, is_spoken, is_certain)) == reason


def test_text_of_the_prompt_is_withheld_if_it_is_improbable_without_the_prompt() -> None:
    hum = replace(heard("OAuth, OAuth, OAuth.", avg_logprob=-0.3), logprob_without_prompt=-7.0)
    assert withhold_reason(hum, 3.0) == "prompted"
    assert withhold_reason(replace(hum, logprob_without_prompt=-2.5), 3.0) == ""
    assert withhold_reason(replace(hum, logprob_without_prompt=None), 3.0) == ""


def test_the_rate_of_a_text_is_measured_before_a_loop_is_cut_from_it() -> None:
    cut = replace(heard("Go on.", avg_logprob=-0.8), decoded="Go on. " * 8)
    assert withhold_reason(cut, 8.0) == ""
    assert withhold_reason(replace(cut, decoded=""), 8.0) == "sparse"


def test_more_text_than_can_be_spoken_is_decoded_again() -> None:
    assert objected(SENTENCE, 0.3) == "too_fast"
    assert objected("我们今天去北京大学看一位老朋友然后一起吃晚饭", 4.0) == ""


def test_improbable_text_is_decoded_again() -> None:
    assert objected(SENTENCE, avg_logprob=-1.1) == "improbable"


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
