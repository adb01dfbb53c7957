"""Passages are split into sentences and joined again. The models here are functions."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_worker.passages import DraftTranslation, PassageTranslator, divide
from translation_worker.translator import Passage


def passage(text: str, *, prefix: str = "", target: str = "deu_Latn", beam_size: int = 4) -> Passage:
    return Passage(text, "eng_Latn", target, prefix, beam_size)


class Capitals:
    """Translates into capitals what the prefix does not cover, and records its requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, batch: Sequence[Passage], *, careful: bool) -> list[DraftTranslation]:
        assert not careful
        self.asked += [sentence.text for sentence in batch]
        return [DraftTranslation(sentence.prefix + sentence.text.upper()[len(sentence.prefix) :]) for sentence in batch]


class Stammerer:
    """Repeats the last word `first` times, and `second` times in a careful decode."""

    def __init__(self, first: int, second: int, *, complete: bool = True) -> None:
        self.first, self.second, self.complete = first, second, complete
        self.careful: list[str] = []

    def __call__(self, batch: Sequence[Passage], *, careful: bool) -> list[DraftTranslation]:
        if careful:
            self.careful += [sentence.text for sentence in batch]
        turns = self.second if careful else self.first
        texts = [s.prefix + " ".join([s.text] + s.text.split()[-1:] * (turns - 1)) for s in batch]
        return [DraftTranslation(text, complete=self.complete or careful) for text in texts]


def test_sentences_are_translated_one_by_one_and_joined() -> None:
    model = Capitals()
    (joined,) = PassageTranslator(model).translate([passage("Hi George. How are you?\nFine.")])
    assert joined == "HI GEORGE. HOW ARE YOU?\nFINE."
    assert model.asked == ["Hi George.", "How are you?", "Fine."]


def test_chinese_sentences_are_joined_without_spaces() -> None:
    assert PassageTranslator(Capitals()).translate([passage("A. B.", target="jpn_Jpan")]) == ["A. B."]
    assert PassageTranslator(Capitals()).translate([passage("Hi you. Go on.", target="jpn_Jpan")]) == ["HI YOU.GO ON."]


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_empty_text_is_not_sent_to_the_model(text: str) -> None:
    model = Capitals()
    assert PassageTranslator(model).translate([passage(text), passage(text, prefix="Shown")]) == ["", "Shown"]
    assert model.asked == []


def test_text_without_words_is_kept() -> None:
    model = Capitals()
    assert PassageTranslator(model).translate([passage("... ♪"), passage("Yes! —")]) == ["... ♪", "YES! —"]
    assert model.asked == ["Yes!"]


def test_symbols_are_not_sent_to_the_model_but_are_in_the_translation() -> None:
    model = Capitals()
    results = PassageTranslator(model).translate([passage("I ❤️ you {name}!"), passage("I you!"), passage("{name} 😀")])
    assert results == ["I ❤️ YOU {name}!", "I YOU!", "{name} 😀"]
    assert model.asked == ["I you!"]


def test_a_preview_with_symbols_is_continued() -> None:
    model = Capitals()
    grown = passage("I love 😀 you so much", prefix="I LOVE 😀 YOU")
    assert PassageTranslator(model).translate([grown]) == ["I LOVE 😀 YOU SO MUCH"]
    assert model.asked == ["I love you so much"]


def test_a_symbol_that_the_vocabulary_lacks_is_carried() -> None:
    model = Capitals()
    translator = PassageTranslator(model, is_known=lambda character: character != "€")
    assert translator.translate([passage("I pay 5€ and $6.")]) == ["I PAY 5€ AND $6."]
    assert model.asked == ["I pay 5 and $6."]


def test_a_sentence_that_several_passages_share_is_decoded_once() -> None:
    model = Capitals()
    results = PassageTranslator(model).translate([passage("Hello. One here."), passage("Hello. Two here.")])
    assert results == ["HELLO. ONE HERE.", "HELLO. TWO HERE."]
    assert model.asked == ["Hello.", "One here.", "Two here."]


def test_translations_are_cached_by_text_languages_and_beam() -> None:
    model = Capitals()
    translator = PassageTranslator(model)
    for asked in (passage("Hello."), passage("Hello."), passage("Hello.", beam_size=1)):
        assert translator.translate([asked]) == ["HELLO."]
    assert model.asked == ["Hello.", "Hello."]


def test_the_least_recently_used_sentence_is_evicted_first() -> None:
    model = Capitals()
    translator = PassageTranslator(model, cache_size=2)
    for text in ("One.", "Two.", "One.", "Three.", "One.", "Two."):
        translator.translate([passage(text)])
    assert model.asked == ["One.", "Two.", "Three.", "Two."]


def test_finished_sentences_of_a_prefix_are_kept_and_the_last_one_is_continued() -> None:
    model = Capitals()
    grown = passage("Hi George. How are you? Fine.", prefix="Hallo Georg.  HOW A")
    assert PassageTranslator(model).translate([grown]) == ["Hallo Georg.  HOW ARE YOU? FINE."]
    assert model.asked == ["How are you?", "Fine."]


def test_a_long_translated_sentence_is_one_sentence_of_the_prefix() -> None:
    shown = "Word, " * 60 + "end. "
    asked = passage("First. Second.", prefix=shown)
    first, second = (replace(asked, text=text, prefix=prefix) for text, prefix in (("First.", shown), ("Second.", "")))
    assert divide(asked) == ["", first, " ", second]


def test_extra_sentences_of_a_prefix_belong_to_the_last_sentence_of_the_text() -> None:
    asked = passage("Go on then", prefix="Los. Weiter. Und")
    assert divide(asked) == ["", asked]


@given(st.text(st.sampled_from("aB .!\n我。")), st.text(st.sampled_from("xY .!\n好。")))
def test_every_translation_begins_with_its_prefix(text: str, prefix: str) -> None:
    (result,) = PassageTranslator(Capitals()).translate([passage(text, prefix=prefix)])
    assert result.startswith(prefix)


def test_only_a_loop_is_decoded_again_with_care() -> None:
    model = Stammerer(first=5, second=1)
    assert PassageTranslator(model).translate([passage("I know you.")]) == ["I know you."]
    assert model.careful == ["I know you."]


def test_a_loop_that_remains_is_cut_but_never_the_prefix() -> None:
    shown = "no no no no "
    translate = PassageTranslator(Stammerer(first=6, second=5)).translate
    assert translate([passage("I know you")]) == ["I know you"]
    assert translate([passage("I know you", prefix=shown)]) == [shown + "I know you"]


def test_a_truncated_translation_is_decoded_again() -> None:
    model = Stammerer(first=2, second=1, complete=False)
    assert PassageTranslator(model).translate([passage("Go home")]) == ["Go home"]
    assert model.careful == ["Go home"]


def test_repetition_in_the_source_is_translated() -> None:
    model = Stammerer(first=3, second=1)
    assert PassageTranslator(model).translate([passage("no no no no")]) == ["no no no no no no"]
    assert model.careful == []
