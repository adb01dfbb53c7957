"""Formatted texts, their words, and the beginning of a text that no further words change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.options import Formatting
from stt_worker.formatting.formatter import Formatter, format_hypothesis
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, SpokenPart

ALL: tuple[Formatting, ...] = ("fillers", "profanity", "numerals")
# Words in which each stage has something to decide, with the punctuation before or after them.
VOCABULARY = {
    "en": (
        "um uh so Um the uh-huh fuck cats twenty five nineteen eighty-four one nine zero a hundred thousand million "
        "and point percent per cent dollars cents second oh 25 3.5 first twenty-first no "
        "in fifteen minutes hundredths tenth people eighties at of May third March pounds sterling yen"
    ),
    "de": (
        "ähm um Scheiße ein zwanzig und fünfundzwanzig Komma fünf Prozent Euro Millionen zwanzigste Haus hundert "
        "dritte Mai Dollar"
    ),
    "fr": "euh un vingt et quatre-vingt cent pour mille virgule zéro euros merde neuf livre premier mai dollars",
    "es": "eh Eh este veinte y uno treinta cien por ciento mil coma euros puta casa dos millones de mayo",
    "pt": "hum vinte e cinco dois mil milhões euros casa de maio primeiro reais",
    "ko": "음 으음 씨발 병신 년 네 하나",
    "ja": (
        "えーと えー あのー あの 明日 は クソ ク ン ソ ぱ ち ん こ の 、 。 "
        "二 〇 三 十 百 万 年 月 日 円 令和 パーセント ドル 点"
    ),
    "zh": "嗯 呃 他 妈 的 操 你 好 我 真 体 ， 。 傻 逼 二 〇 两 三 十 百 百分之 点 万 亿 年 月 号 元 美元 素 块钱 几",
    "yue": "嗯 呃 佢 他 妈 的 ， 。 二 〇 十 百分之 年 月 日 蚊 人",
}
UNSPACED = ("ja", "yue", "zh")


def spoken(*words: str, language: str = "en", parts: tuple[SpokenPart, ...] = ()) -> Hypothesis:
    timed = tuple(RecognizedWord(word, i / 2, (i + 1) / 2, 0.8, -0.1) for i, word in enumerate(words))
    return Hypothesis("".join(words).strip(), language, 1.0, -0.2, 0.0, timed, parts=parts)


@given(data=st.data(), language=st.sampled_from(sorted(VOCABULARY)))
def test_no_word_after_a_settled_text_changes_it(data: st.DataObject, language: str) -> None:
    words = data.draw(st.lists(st.sampled_from(VOCABULARY[language].split()), max_size=9))
    marks = data.draw(st.lists(st.sampled_from(["", "", "", ",", ".", "?", "..."]), min_size=9, max_size=9))
    spaced = language not in UNSPACED
    pieces = [word + mark * spaced for word, mark in zip(words, marks, strict=False)]
    separator, formatter = " " * spaced, Formatter(ALL, language)
    shown = ""
    # A committed text ends with a letter.
    for count in [i for i in range(1, len(words) + 1) if words[i - 1] not in "、，。"]:
        committed = separator.join([*pieces[: count - 1], words[count - 1]])
        settled = formatter.settled(committed)
        assert settled.startswith(shown)
        assert formatter.complete(separator.join(pieces)).startswith(settled)
        shown = settled


@given(
    words=st.lists(st.sampled_from(VOCABULARY["en"].split()), max_size=9),
    marks=st.lists(st.sampled_from(["", "", ",", "."]), min_size=9, max_size=9),
)
def test_words_and_text_agree(words: list[str], marks: list[str]) -> None:
    pieces = [f" {word}{mark}" for word, mark in zip(words, marks, strict=False)]
    formatted = format_hypothesis(spoken(*pieces), ALL)
    assert "".join(word.text for word in formatted.words).strip() == formatted.text
    assert formatted.text == Formatter(ALL, "en").complete("".join(pieces))
    assert [word.start for word in formatted.words] == sorted(word.start for word in formatted.words)
    assert all(word.text.strip() and word.start < word.end for word in formatted.words)


def test_a_merged_word_has_the_time_of_all_its_words() -> None:
    formatted = format_hypothesis(spoken(" Um,", " twenty", " five", " percent."), ALL)
    assert formatted.text == "25%."
    assert [(word.text, word.start, word.end) for word in formatted.words] == [(" 25%.", 0.5, 2.0)]


def test_parts_of_voices_keep_their_words() -> None:
    voice = np.ones(2, np.float32)
    parts = (
        SpokenPart(0, 1, range(2), voice),
        SpokenPart(1, 1.5, range(2, 3), voice),
        SpokenPart(1.5, 3, range(3, 6), voice),
    )
    formatted = format_hypothesis(spoken(" So", " yes.", " Um.", " Twenty", " five", " cats.", parts=parts), ALL)
    said = ["".join(formatted.words[i].text for i in part.words) for part in formatted.parts]
    assert said == [" So yes.", " 25 cats."]


def test_only_the_wanted_formatting_is_applied() -> None:
    text = "Um, fuck, twenty-five."
    written = [Formatter([kind], "en").complete(text) for kind in ALL]
    assert written == ["Fuck, twenty-five.", "Um, f***, twenty-five.", "Um, fuck, 25."]


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("I have twenty", "I have"),
        ("I have twenty five cows", "I have 25 cows"),
        ("I have a", "I have"),
        ("I have a hundred and fifty cows", "I have 150 cows"),
    ],
)
def test_a_number_is_settled_after_the_next_word(text: str, settled: str) -> None:
    assert Formatter(ALL, "en").settled(text) == settled
