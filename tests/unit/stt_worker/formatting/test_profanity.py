"""Profane words in several languages."""

import pytest

from stt_worker.formatting.pieces import apply_edits
from stt_worker.formatting.profanity import profanity_edits


def masked(text: str, language: str) -> str:
    return apply_edits(text, profanity_edits(text, language))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "What the fuck, this is Bullshit.", "What the f***, this is B*******."),
        ("de", "So eine Scheiße!", "So eine S******!"),
        ("de", "Das ist fucking kalt.", "Das ist f****** kalt."),
        ("fr", "Putain, quelle merde.", "P*****, quelle m****."),
        ("es", "Eres un cabrón.", "Eres un c*****."),
        ("it", "Che cazzo dici?", "Che c**** dici?"),
        ("pt", "Que merda!", "Que m****!"),
        ("ru", "Блядь, иди на хуй.", "Б****, иди на х**."),
        ("zh", "你这个傻逼", "你这个**"),
        ("zh", "真他妈的好，他妈的！", "真***好，***！"),
        ("ko", "씨발 뭐야, 병신아", "** 뭐야, **아"),
        ("ja", "クソ野郎、お前のちんこ。", "**野郎、お前の***。"),
    ],
)
def test_profane_words_are_masked_but_for_their_first_letter(language: str, text: str, expected: str) -> None:
    assert masked(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Dick from Scunthorpe passed the class and shot a bird."),
        ("de", "Die Hurenkinder sind ein Fehler im Satz."),
        ("ru", "Я тебя страхую, команда."),
        ("zh", "这是妈妈的书"),
        ("zh", "他妈的手机，体操你妈妈"),
        ("ja", "隠そうとした"),
        ("ja", "マイケル・ジャクソン、サクソフォン、ニクソン、アングロサクソン、ぱちんこ"),
        ("ko", "병신년, 날씨발표"),
    ],
)
def test_words_that_contain_a_profane_one_stay(language: str, text: str) -> None:
    assert masked(text, language) == text
