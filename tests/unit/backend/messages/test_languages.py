import re

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import ProtocolError
from backend.messages.languages import (
    LANGUAGES,
    english_name,
    flores_code,
    other_scripts,
    script,
    unwritten_script,
    whisper_code,
)

SPELLINGS: dict[str, tuple[str, ...]] = {
    "eng_Latn": ("en", "EN", " en ", "eng", "en_US", "eng_Latn"),
    "zho_Hans": ("zh", "zh-CN", "zh-Hans-TW", "cmn"),
    "zho_Hant": ("zh-TW", "zh-HK", "zh-Hant", "zh_Hant_TW"),
    "deu_Latn": ("de-DE-1996", "ger"),
    "srp_Cyrl": ("sr", "sr-Latn"),
    "nob_Latn": ("no", "nb-NO"),
    "jav_Latn": ("jv", "jw"),
    "tgl_Latn": ("tl", "fil"),
}
SINGLE = {"yue": "yue_Hant", "pt-BR": "por_Latn", "es-419": "spa_Latn", "nn": "nno_Latn", "iw": "heb_Hebr"}
SINGLE |= {"ar": "arb_Arab", "arz": "arz_Arab", "fa": "pes_Arab", "fa-AF": "prs_Arab", "ku": "kmr_Latn"}
SINGLE |= {"ku-Arab": "ckb_Arab", "ace": "ace_Latn", "ace-Arab": "ace_Arab", "sq": "als_Latn"}
SINGLE |= {"mn": "khk_Cyrl", "ks-Deva": "kas_Deva", "ks": "kas_Arab", "ko-Kore": "kor_Hang", "zh-US": "zho_Hant"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [*SINGLE.items(), *((typed, meant) for meant, spelled in SPELLINGS.items() for typed in spelled)],
)
def test_usual_language_codes_are_understood(typed: str, meant: str) -> None:
    assert flores_code(typed) == meant


REGIONAL = {"pt-BR": "pt", "zh-TW": "zh", "jpn_Jpan": "ja", "jv": "jw", "nb": "no", "arz": "ar"}
UNCHANGED = {code: code for code in ("he", "yue", "haw")}


@pytest.mark.parametrize(("typed", "spelled"), {**REGIONAL, **UNCHANGED, "auto": None, "AUTO": None}.items())
def test_whisper_codes_are_returned_in_whispers_spelling(typed: str, spelled: str | None) -> None:
    assert whisper_code(typed) == spelled


def test_all_languages_of_nllb_are_listed() -> None:
    codes = [language.flores for language in LANGUAGES if language.flores]
    assert len(codes) == len(set(codes)) == 202
    for code in codes:
        assert re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", code)
        assert flores_code(code) == code


def test_all_languages_of_whisper_are_listed_and_three_cannot_be_translated() -> None:
    recognized = {language.whisper for language in LANGUAGES if language.whisper}
    assert len(recognized) == 100
    untranslated = set()
    for code in recognized:
        assert whisper_code(code) == code
        try:
            flores_code(code)
        except ProtocolError:
            untranslated.add(code)
    assert untranslated == {"br", "haw", "la"}


def test_no_code_is_ambiguous() -> None:
    codes = [code for language in LANGUAGES for code in language.codes]
    assert len(codes) == len(set(codes))


def test_language_names_are_unique() -> None:
    names = [language.name for language in LANGUAGES]
    assert len(names) == len(set(names))
    assert [english_name(code) for code in ("es", "zh-TW", "la")] == ["Spanish", "Chinese (Traditional)", "Latin"]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("Spanish", "'es' (Spanish)"),
        ("germn", "'de' (German)"),
        ("jp", "'ja' (Japanese)"),
        ("zho_Hnat", "'zho-hant' (Chinese (Traditional))"),
        ("xx", "ISO 639"),
        ("", "ISO 639"),
    ],
)
def test_an_unknown_language_is_rejected_with_a_suggestion(typed: str, hint: str) -> None:
    for ask in (flores_code, whisper_code, english_name):
        with pytest.raises(ProtocolError) as refusal:
            ask(typed)
        assert refusal.value.code == "unsupported_language"
        assert hint in refusal.value.message


def test_a_language_is_rejected_by_the_model_that_lacks_it() -> None:
    with pytest.raises(ProtocolError, match=r"Breton \(br\) can be recognized but not translated"):
        flores_code("br")
    with pytest.raises(ProtocolError, match=r"Asturian \(ast\) can be translated but not recognized"):
        whisper_code("ast")


SCRIPTS = {
    "Hans": ("zh", "zh-CN", "zh-Hans", "zh-SG", "zh-Hans-HK", "cmn", "zho_Hans", "yue-CN"),
    "Hant": ("zh-TW", "zh-Hant", "zh_Hant_TW", "zho_Hant", "cmn-TW", "zh-US"),
    "Hant-HK": ("zh-HK", "zh-MO", "zh-Hant-HK", "yue", "zh-yue"),
    "Cyrl": ("sr", "sr-RS", "srp_Cyrl", "sr-Cyrl-ME"),
    "Latn": ("sr-Latn", "sr_Latn_RS", "sr-ME"),
    "": ("en-GB", "pt-BR", "ja", "ko", "hr", "uz"),
}


@pytest.mark.parametrize(("code", "expected"), [(code, name) for name, codes in SCRIPTS.items() for code in codes])
def test_a_code_names_the_script_of_its_texts(code: str, expected: str) -> None:
    assert script(code) == expected


@pytest.mark.parametrize(
    "code", ["zh", "zh-Hant", "yue-Hans", "sr-Latn", "sr_Cyrl", "en-Latn-US", "ko-Kore", "ace-Arab"]
)
def test_texts_have_the_script_that_their_code_names(code: str) -> None:
    assert unwritten_script(code) == ""


def test_a_script_that_no_text_has_is_found() -> None:
    codes = ("zh-Latn", "sr-Arab", "uz-Cyrl", "hi-Latn", "pa-Arab")
    assert [unwritten_script(code) for code in codes] == ["Latn", "Arab", "Cyrl", "Latn", "Arab"]
    assert unwritten_script("az-Arab", spoken=True) == "Arab", "recognized in Latin script"
    assert unwritten_script("az-Arab") == "", "translated into South Azerbaijani"


def test_likely_scripts_are_those_of_the_cldr() -> None:
    for tag, likely in get_global("likely_subtags").items():
        language, _, region = tag.partition("_")
        if language in ("zh", "yue", "sr") and len(region) in (0, 2):
            assert script(tag)[:4] == likely.split("_")[1], tag


def test_only_scripts_that_can_be_converted_stand_for_each_other() -> None:
    assert other_scripts("zho_Hant") == ["zho_Hans"]
    assert other_scripts("zho_Hans") == ["zho_Hant"]
    for flores in ("yue_Hant", "ace_Latn", "srp_Cyrl", "eng_Latn"):
        assert other_scripts(flores) == []


@given(st.text(max_size=2_000))
def test_a_long_invalid_code_is_shortened_in_the_error(typed: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        flores_code(typed + "?")
    assert len(refusal.value.message) < 600
