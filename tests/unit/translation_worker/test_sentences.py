import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_worker.sentences import separator, split

LANGUAGES = st.sampled_from(["eng_Latn", "deu_Latn", "zho_Hans", "ell_Grek", "hin_Deva"])
PROSE = st.text(st.sampled_from('aB1 3我い.!?。！…;؟।\n\t\u3000"”)」,，Dr')) | st.text()


def texts(text: str, language: str) -> list[str]:
    return [sentence.text for sentence in split(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("eng_Latn", "Hi George. How are you? Fine!", ["Hi George.", "How are you?", "Fine!"]),
        ("eng_Latn", "Really... Yes. No. I see", ["Really...", "Yes.", "No.", "I see"]),
        ("eng_Latn", "one line\n\nanother", ["one line", "another"]),
        ("zho_Hans", "你好。我是王先生！你呢？", ["你好。", "我是王先生！", "你呢？"]),
        ("zho_Hans", "OK.我走了……再见", ["OK.", "我走了……", "再见"]),
        ("jpn_Jpan", "そうですか？はい。", ["そうですか？", "はい。"]),
        ("hin_Deva", "मैं ठीक हूँ। आप कैसे हैं?", ["मैं ठीक हूँ।", "आप कैसे हैं?"]),
        ("arb_Arab", "كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
        ("urd_Arab", "میں ٹھیک ہوں۔ آپ کیسے ہیں؟", ["میں ٹھیک ہوں۔", "آپ کیسے ہیں؟"]),
        ("amh_Ethi", "ሰላም። እንዴት ነህ?", ["ሰላም።", "እንዴት ነህ?"]),
        ("ell_Grek", "Τι κάνεις; Καλά.", ["Τι κάνεις;", "Καλά."]),
        ("spa_Latn", "¿Qué tal? ¡Bien!", ["¿Qué tal?", "¡Bien!"]),
    ],
)
def test_sentences_end_at_the_marks_of_their_script(language: str, text: str, sentences: list[str]) -> None:
    assert texts(text, language) == sentences


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("eng_Latn", "Dr. Smith paid 3.50 dollars to J. K. Rowling at example.com."),
        ("eng_Latn", "It was 5 p.m. on Jan. 5, see No. 7."),
        ("eng_Latn", 'He said "Really?" and left.'),
        ("eng_Latn", "well... maybe; or not"),
        ("deu_Latn", "Am 3. Mai kam z.B. Frau Dr. Müller."),
        ("spa_Latn", "El Sr. López no está."),
        ("rus_Cyrl", "Это ул. Ленина и т.д."),
        ("jpn_Jpan", "「行く。」と言った。"),
        ("zho_Hans", "“好。”他说。"),
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(language: str, text: str) -> None:
    assert texts(text, language) == [text]


def test_a_number_ends_a_sentence_where_ordinals_have_no_full_stop() -> None:
    assert texts("I am 25. You are 30.", "eng_Latn") == ["I am 25.", "You are 30."]


def test_a_long_sentence_is_divided_after_a_comma_or_a_word() -> None:
    assert [len(text) for text in texts("word, " * 40, "eng_Latn")] == [239]
    assert [s.text for s in split("one two, three four five", "eng_Latn", 14)] == ["one two,", "three four", "five"]
    assert [len(text) for text in texts("是" * 900, "zho_Hans")] == [250, 250, 250, 150]


@given(PROSE, LANGUAGES, st.integers(2, 60))
def test_no_character_is_lost_or_added_and_no_sentence_is_too_long(text: str, language: str, longest: int) -> None:
    sentences = split(text, language, longest)
    assert "".join(sentence.text + sentence.gap for sentence in sentences) == text
    for place, sentence in enumerate(sentences):
        assert len(sentence.text) <= longest
        assert not sentence.gap.strip()
        assert sentence.text == sentence.text.rstrip()
        if place:
            assert sentence.text == sentence.text.strip() != ""


def test_sentences_are_separated_as_in_the_target_language() -> None:
    assert separator("", "eng_Latn") == separator(" ", "eng_Latn") == " "
    assert separator(" ", "jpn_Jpan") == separator("", "zho_Hant") == ""
    assert separator("\n\n", "zho_Hans") == "\n\n"
