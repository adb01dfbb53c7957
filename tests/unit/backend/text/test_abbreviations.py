"""Full stops of abbreviations, in several languages."""

import pytest

from backend.text.abbreviations import abbreviates, is_abbreviation


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Dr Mr Mrs Prof Gen Inc Corp Jr St vs Jan Sept Capt U.S Ph.D J"),
        ("de", "Dr med Mio Mrd bzw usw evtl Std Str z.B Hauptstr"),
        ("es", "Sr Sra Dra EE UU núm Avda aprox"),
        ("fr", "M Mme Mlle av bd Ste"),
        ("it", "sig dott prof avv pag ecc"),
        ("pt", "Sr Dra Av pág etc"),
        ("nl", "dhr mevr nr bijv enz"),
        ("ru", "ул г проф стр млн тыс т.д"),
        ("pl", "ul dr mgr inż nr św"),
        ("sv", "kl dr nr bl.a osv"),
        ("tr", "Dr Prof Av Sn Sok"),
        ("el", "κ δρ σελ"),
        ("zh", "Mr Dr Inc U.S.A"),
    ],
)
def test_abbreviations_are_known_in_many_languages(language: str, words: str) -> None:
    # Only the number after "Hauptstr" shows that it is no word.
    assert [word for word in words.split() if not is_abbreviation(word, "5", language)] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "I no yes me home TV OK USA hmm don't 25 iPhone why my"),
        ("de", "ja nein gut Haus Art ZDF"),
        ("es", "no bien mar casa para"),
        ("fr", "non oui art là"),
        ("it", "no mai la qui"),
        ("ru", "да нет дом"),
        ("cs", "krk prst vlk dům"),
        ("zh", "OK iPhone"),
        ("hi", "है"),
    ],
)
def test_words_and_acronyms_end_sentences(language: str, words: str) -> None:
    assert [word for word in words.split() if is_abbreviation(word, "A", language)] == []


def test_some_abbreviations_are_known_by_the_number_after_them() -> None:
    assert is_abbreviation("No", "7", "en")
    assert not is_abbreviation("No", "I", "en")
    assert is_abbreviation("Kerkstr", "5", "nl")


def test_an_abbreviation_may_also_end_a_sentence() -> None:
    for word, language in (("p.m", "en"), ("U.S", "en"), ("Inc", "en"), ("usw", "de"), ("25", "de"), ("UU", "es")):
        assert is_abbreviation(word, "Smith", language)
    assert not is_abbreviation("p.m", "He", "en")
    assert not is_abbreviation("Inc", "They", "en")
    assert not is_abbreviation("usw", "Die", "de")
    assert not is_abbreviation("25", "Sie", "de")
    assert not is_abbreviation("UU", "El", "es")
    # A title does not.
    assert is_abbreviation("Dr", "He", "en")


def test_the_words_around_a_full_stop_are_looked_up() -> None:
    assert abbreviates("I know (Mr", " Smith)", "en")
    assert abbreviates("in der Hauptstr", " 5", "de")
    assert not abbreviates("I don't", " You do", "en")
    assert not abbreviates("...", " You do", "en")


def test_ordinals_have_a_full_stop_in_some_languages() -> None:
    assert is_abbreviation("3", "M", "de")
    assert not is_abbreviation("3", "M", "en")
    assert not is_abbreviation("2010", "D", "de")
